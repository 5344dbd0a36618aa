"""The only module that imports matplotlib: whether it is installed, an empty figure, and a figure as PNG."""

from __future__ import annotations

import importlib.util
import io
import warnings
from pathlib import Path
from typing import Any

from edgeready.config.extras import install_command
from edgeready.errors import MissingExtraError
from edgeready.files.atomic import write_files
from edgeready_device.images.fonts import font_file

INK, GREY, LINE = "#1f2933", "#6b7785", "#d5dae0"
BLUE, ORANGE, GREEN, RED = "#2f6fb0", "#c4701c", "#3a8a4d", "#b23a3a"
DPI = 120
_FONT = "DejaVu Sans"  # comes with matplotlib
_STYLE = {
    "font.size": 10,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def require_plots() -> None:
    """Raises MissingExtraError when matplotlib is not installed; commands call it before the work."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError(
            f"plots need matplotlib, which is not installed: run {install_command('plots')}, or leave them out"
        )


def new_figure(width: float, height: float, title: str) -> Any:
    """An empty matplotlib Figure of `width` x `height` inches with its title on the left."""
    require_plots()
    from matplotlib import rc_context  # noqa: PLC0415  (slow, and an extra)
    from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def add_panel(figure: Any, *, rows: int, columns: int, number: int) -> Any:
    """Panel `number` of `rows` x `columns` in `figure`, counted from 1, in the shared style."""
    from matplotlib import rc_context  # noqa: PLC0415  (an extra)

    with rc_context(_STYLE):
        return figure.add_subplot(rows, columns, number)


def save_figure(figure: Any, path: Path) -> None:
    """Writes the figure to `path`, which appears only when it is complete.

    Raises OutputError when it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (an extra)

    _choose_fonts(figure)
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the command says it, once
        FigureCanvasAgg(figure).print_png(content)
    write_files({path: content.getvalue()})


def _choose_fonts(figure: Any) -> None:
    """Gives each text that matplotlib's own font lacks letters of a font of this machine to take them from."""
    from matplotlib import font_manager  # noqa: PLC0415  (an extra)
    from matplotlib.text import Text  # noqa: PLC0415  (an extra)

    own = font_manager.get_font(font_manager.findfont(_FONT)).get_charmap()
    for text in figure.findobj(Text):
        lacking = "".join(letter for letter in text.get_text() if ord(letter) not in own and letter != "\n")
        path = font_file(lacking) if lacking else None
        if path is not None:
            font_manager.fontManager.addfont(path)
            text.set_fontfamily([_FONT, font_manager.FontProperties(fname=path).get_name()])


def plain(text: str, most: int = 200) -> str:
    """`text` for matplotlib: in one line, cut with dots beyond `most` characters, a dollar sign as itself."""
    line = " ".join(text.split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return line.replace("$", r"\$")
