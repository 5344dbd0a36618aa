from __future__ import annotations

import pytest

from edgeready_device.statistics import Proportion
from edgeready_device.text import columns_of, cut, duration, percent, plain, rows, table


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


def test_a_table_that_fits_is_as_it_was():
    assert table(["class", "of"], [["cat", "12"], ["zebra", "7"]]) == "class  of\ncat    12\nzebra   7"


def test_a_long_name_loses_its_middle_and_the_figures_stay():
    text = table(
        ["class", "top-1", "right", "of"], [["great white shark, " * 10 + "man-eater", "98.00 %", "49", "50"]]
    )
    head, row = text.splitlines()
    assert (len(head), len(row)) == (80, 80)
    assert row.startswith("great white shark, great white")
    assert row.endswith("man-eater  98.00 %     49  50")


def test_columns_that_do_not_fit_follow_below_with_the_names_again():
    header = ["mode", *(f"a column {number:02}" for number in range(10))]
    blocks = table(header, [["uint8", *("1234567890.5" for _ in range(10))]]).split("\n\n")
    assert [line.split()[0] for block in blocks for line in block.splitlines()] == ["mode", "uint8"] * 2
    assert max(len(line) for block in blocks for line in block.splitlines()) <= 80
    assert sum(block.count("1234567890.5") for block in blocks) == 10


def test_two_columns_of_long_names_both_fit():
    text = table(["true", "taken for", "times"], [["a" * 100, "b" * 100, "3"]])
    assert max(map(len, text.splitlines())) <= 80
    assert "a…a" in text
    assert "b…b" in text


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc…fg"),
        ("abcdefg", 5, "ab…fg"),
        ("猫犬鳥魚", 8, "猫犬鳥魚"),
        ("猫犬鳥魚", 7, "猫…鳥魚"),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
        ("", 3, ""),
    ],
)
def test_a_cut_counts_columns_of_a_terminal(text, most, expected):
    assert cut(text, most) == expected
    assert columns_of(cut(text, most)) <= most


def test_names_of_wide_letters_keep_the_columns_straight():
    assert table(["class", "of"], [["猫", "1"], ["zż", "2"]]) == "class  of\n猫      1\nzż      2"
