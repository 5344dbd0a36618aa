"""What several commands take beside the options of the config classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeready.config.disk import CACHE_FLAGS, CACHE_HELP
from edgeready.config.edgetpu import NEWEST_RUNTIME, OLDEST_RUNTIME

DataArgument = Annotated[
    str, typer.Argument(metavar="DATA", help="digits, mnist, fashion-mnist, cifar10, a .npz, or a folder of images")
]
DataOption = Annotated[str, typer.Option("--data", help="the data set: a name, a .npz or a folder of images")]
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help=".keras, .h5, SavedModel folder, frozen .pb, float .tflite, or FILE.py:FUNCTION"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="write one JSON document to standard output")]
Links = Annotated[bool, typer.Option("--follow-links", help="follow symbolic links that lead out of a folder")]
SkipDamaged = Annotated[bool, typer.Option("--skip-damaged", help="leave out images of a folder that cannot be read")]
Cache = Annotated[bool, typer.Option(CACHE_FLAGS, help=CACHE_HELP)]
OtherTest = Annotated[
    str | None, typer.Option("--test", help="take the test images from this .npz, folder or named set instead")
]
DebugReport = Annotated[
    Path | None,
    typer.Option(
        "--debug-report", help="write each layer's error to this folder: layers.json, layers.png (extra plots)"
    ),
]
EdgeTpuRuntime = Annotated[
    int,
    typer.Option(
        "--runtime", help="version of the Edge TPU runtime on the device", min=OLDEST_RUNTIME, max=NEWEST_RUNTIME
    ),
]
