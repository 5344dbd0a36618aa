"""Labelled images as people have them: folders in many layouts, CSV tables of labels, .npz files."""
