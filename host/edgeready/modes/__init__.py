"""The modes of conversion: what each promises, its files, and how they compare."""
