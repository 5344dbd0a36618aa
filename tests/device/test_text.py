from __future__ import annotations

import pytest

from edgeready_device.statistics import Proportion
from edgeready_device.text import duration, percent, plain, rows, table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 µs"),
        (1.41e-5, "14.1 µs"),
        (9.99e-5, "99.9 µs"),
        (1e-4, "0.1 ms"),
        (0.0332, "33.2 ms"),
        (0.5, "500 ms"),
        (1.0, "1 s"),
        (12.345, "12.3 s"),
    ],
)
def test_a_duration_takes_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


def test_percent_gives_the_interval_and_the_counts():
    assert percent(Proportion(81, 263)) == "30.80 % (25.53 to 36.62, 81 of 263)"


def test_percent_of_nothing_claims_nothing():
    assert percent(Proportion(0, 0)) == "0.00 % (0.00 to 100.00, 0 of 0)"


def test_plain_text_is_one_line_without_control_characters():
    assert plain(" a\x1b[31m\nb\u202ec\té ") == "a [31m b c é"


def test_rows_align_their_values():
    assert rows([("a", "1"), ("long", "2")]) == "a     1\nlong  2"


def test_a_table_has_names_to_the_left_and_numbers_to_the_right():
    assert table(["class", "of"], [["cat", "7"], ["elephant", "1234"]]) == (
        "class       of\ncat          7\nelephant  1234"
    )


def test_a_table_without_lines_is_its_header():
    assert table(["class", "of"], []) == "class  of"
