"""Object detectors: which head a file has, its boxes and scores decoded, overlaps removed, pictures' pixels."""
