"""Makes and proves Edge-TPU ready image classifiers."""
