"""Labels of any language are drawn with a font that has their letters, or it is said which letters none has."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")

from edgeready_device.images import fonts

ADVICE = (
    ", which are drawn as boxes: install one (on Debian fonts-noto-core, or fonts-noto-cjk for Chinese, Japanese and "
    "Korean)"
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The only folder with fonts, empty."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(fonts, "_folders", lambda own=fonts._folders: tuple(f for f in own() if str(tmp_path) in f))
    (tmp_path / "fonts").mkdir()
    return tmp_path / "fonts"


@pytest.fixture
def dejavu(folder) -> Path:
    """A font with Cyrillic and Greek letters, and a file that is no font, which comes first."""
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is None or matplotlib.origin is None:
        pytest.skip("the font is matplotlib's")
    (folder / "DejaVuBroken.ttf").write_bytes(b"no font at all")
    source = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return Path(shutil.copy(source, folder / "DejaVuSans.ttf"))


def picture(text: str) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("L", (200, 40))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=fonts.font_for(text, 20))
    return np.asarray(image).tobytes()


def test_plain_letters_need_no_font_of_the_machine(dejavu):
    assert fonts.font_file("cat 0123 %") is None
    assert fonts.missing_letters(["cat", "dog", ""]) == ""


def test_letters_that_pillows_font_lacks_are_taken_from_a_font_of_the_machine(dejavu):
    for label in ("кошка", "γάτα", "Hündin"):
        assert fonts.font_file(label) == dejavu
    assert fonts.missing_letters(["кошка", "γάτα", "Hündin", "e\u0301"]) == ""
    assert picture("к") != picture("ш")


def test_letters_that_no_font_has_are_named_once(dejavu):
    assert fonts.missing_letters(["猫", "кошка", "猫犬", "cat"]) == "no font here has 猫犬" + ADVICE
    many = "".join(map(chr, range(0x4E00, 0x4E20)))
    assert fonts.missing_letters([many]) == f"no font here has {many[:20]}..." + ADVICE


def test_without_any_font_a_label_is_drawn_and_its_letters_are_named(folder):
    assert fonts.missing_letters(["кот"]) == "no font here has кот" + ADVICE
    assert len(picture("кот")) == 200 * 40


def test_a_label_of_many_scripts_gets_the_font_with_the_most_letters(dejavu):
    assert fonts.font_file("кошка 猫") == dejavu
    assert fonts.missing_letters(["кошка 猫"]) == "no font here has 猫" + ADVICE


def test_without_a_home_the_systems_folders_are_searched(monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.delenv(name, raising=False)
    assert fonts._folders() == (
        "/usr/local/share/fonts",
        "/usr/share/fonts",
        "/Library/Fonts",
        "/System/Library/Fonts",
    )
