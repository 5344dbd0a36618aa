"""A report as one HTML page: no script, no request, and every text of a file escaped."""

from edgeready.report.page.page import format_page

__all__ = ["format_page"]
