"""Makes one uint8, integer-only, Edge-TPU ready .tflite file from an image classifier, and proves it.

>>> import edgeready
>>> result = edgeready.build("digits", model="dropout-cnn", train=edgeready.TrainConfig(epochs=15))
>>> result.readiness.ready, result.comparison.model.accuracy.top1.value
>>> edgeready.check("model.tflite").to_dict()

Stable are the names in `__all__`, the fields and properties of the results, and the errors of `edgeready.errors`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from edgeready_device import __version__

if TYPE_CHECKING:
    from edgeready.api import (
        build,
        bundle,
        check,
        compile,
        convert,
        deploy,
        evaluate,
        golden,
        layers,
        load_data,
        modes,
        networks,
        rollback,
        search,
        write_report,
    )
    from edgeready.config.build import (
        DataConfig,
        NetworkConfig,
        OutputConfig,
        QuantizeConfig,
        SourceConfig,
        TrainConfig,
    )
    from edgeready.config.devices import DevicesConfig
    from edgeready.config.search import BudgetConfig, SearchConfig

__all__ = [
    "BudgetConfig",
    "DataConfig",
    "DevicesConfig",
    "NetworkConfig",
    "OutputConfig",
    "QuantizeConfig",
    "SearchConfig",
    "SourceConfig",
    "TrainConfig",
    "__version__",
    "build",
    "bundle",
    "check",
    "compile",
    "convert",
    "deploy",
    "evaluate",
    "golden",
    "layers",
    "load_data",
    "modes",
    "networks",
    "rollback",
    "search",
    "write_report",
]

_OF_A_SEARCH = ("BudgetConfig", "SearchConfig")


def __getattr__(name: str) -> Any:
    """The member `name` of the package (PEP 562): `edgeready --help` needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    configs = "edgeready.config.search" if name in _OF_A_SEARCH else "edgeready.config.build"
    home = configs if name.endswith("Config") else "edgeready.api"
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
