"""Options are declared once, in the config classes; the commands get them from there."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Optional

import pytest
import typer
from typer.testing import CliRunner

from edgeready.cli.spread import spread
from edgeready.config.option import Option, parse_image_size, parse_shape
from edgeready.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class OvenConfig:
    """An oven."""

    dish: str
    heat: Annotated[int, Option(help="degrees")] = 180
    size: Annotated[tuple[int, int] | None, Option(help="of the tray", parse=parse_image_size)] = None
    fan: Annotated[bool, Option(help="turn the fan on")] = False
    light: Annotated[bool, Option(help="turn the light on", flags=("--light/--dark",))] = True
    racks: Annotated[tuple[str, ...], Option(help="once for each", flags=("--rack",))] = ()
    shapes: Annotated[tuple[tuple[int, ...], ...], Option(help="of tins", flags=("--tin",), parse=parse_shape)] = ()
    serial: int = 7

    def __post_init__(self) -> None:
        if self.heat > 300:
            raise UsageError(f"the heat is {self.heat}: use at most 300")


@dataclass(frozen=True, kw_only=True)
class SteamerConfig(OvenConfig):
    """An oven with one option more."""

    steam: Annotated[float, Option(help="litres an hour")] = 0.5


@dataclass(frozen=True, kw_only=True)
class SaltConfig:
    """Its option has no default."""

    salt: Annotated[int, Option(help="grams")]


def run(*arguments: str, **settings):
    """The OvenConfig of a command line."""
    seen = []

    def bake(oven: OvenConfig, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Bakes."""
        seen.append((oven, loud))

    app = typer.Typer()
    dish = Annotated[str, typer.Argument(metavar="DISH")]
    app.command()(spread(bake, arguments={"dish": dish}, **settings))
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return seen, result


def test_without_options_the_defaults_of_the_class_count():
    assert run("cake")[0] == [(OvenConfig(dish="cake"), False)]


def test_each_option_reaches_its_field_as_its_type_or_its_parser_says():
    line = "cake --heat 200 --size 3x4 --fan --dark --rack a --rack b --tin 1x2 --tin 3 --loud"
    expected = OvenConfig(
        dish="cake", heat=200, size=(3, 4), fan=True, light=False, racks=("a", "b"), shapes=((1, 2), (3,))
    )
    assert run(*line.split())[0] == [(expected, True)]


def test_a_rule_of_the_class_is_a_usage_error_of_the_command():
    with pytest.raises(UsageError, match="the heat is 301: use at most 300"):
        run("cake", "--heat", "301")


def test_a_text_that_its_parser_refuses_is_a_usage_error():
    with pytest.raises(UsageError, match="the image size is 'wide': write 96 or 96x128"):
        run("cake", "--size", "wide")


def test_a_field_that_is_no_option_or_is_left_out_has_none():
    for option in ("--serial", "--fan"):
        assert run("cake", option, without=("fan",))[1].exit_code == 2


def test_help_has_a_panel_for_the_class_with_every_option():
    shown = run("--help")[1].output
    assert "Oven options" in shown
    assert all(flag in shown for flag in ("--heat", "--size", "--fan", "--light", "--dark", "--rack", "--tin"))


def test_a_new_option_is_one_field():
    def steam(oven: SteamerConfig) -> None:
        """Steams."""

    names = set(inspect.signature(spread(steam, arguments={"dish": str})).parameters)
    assert names - {"dish", "heat", "size", "fan", "light", "racks", "shapes"} == {"steam"}


def test_a_flag_is_the_same_where_python_makes_its_type_optional():
    def bake(dish=None):
        """Bakes."""

    plate = Annotated[str | None, typer.Option("--plate", "-p")]
    bake.__annotations__ = {"dish": Optional.__getitem__(plate)}  # as Python 3.10 reads `dish: plate = None`
    seen = inspect.signature(spread(bake)).parameters["dish"].annotation
    assert seen.__metadata__[0].param_decls == ("-p",)
    app = typer.Typer()
    app.command()(spread(bake))
    assert "--plate" in CliRunner().invoke(app, ["--help"]).output


def test_an_option_without_a_default_is_a_mistake_of_the_class():
    def salt(config: SaltConfig) -> None:
        """Salts."""

    with pytest.raises(TypeError, match="the option --salt has no default: give salt one"):
        spread(salt)


def test_an_image_size_is_one_number_or_height_by_width():
    assert parse_image_size("96") == (96, 96)
    assert parse_image_size("96X128") == (96, 128)
    with pytest.raises(UsageError, match="the image size is 'x': write 96 or 96x128"):
        parse_image_size("x")


def test_a_shape_is_sizes_with_an_x_or_a_comma_between():
    assert (parse_shape("1x2x3"), parse_shape("4X5"), parse_shape("6,7")) == ((1, 2, 3), (4, 5), (6, 7))


@pytest.mark.parametrize("text", ["28 by 28", ""])
def test_a_shape_that_is_none_is_refused(text):
    with pytest.raises(UsageError) as caught:
        parse_shape(text)
    assert str(caught.value) == f"--input-shape is {text!r}: write sizes, as in 1x28x28x1"
