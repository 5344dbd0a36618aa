"""Results as PNG files: the charts need the extra `plots` (matplotlib), the contact sheet needs Pillow only."""
