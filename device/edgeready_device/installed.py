"""The version of an installed distribution, without importlib.metadata where a folder's name tells it.

That module brings the e-mail parser along: 1.6 MB and 12 ms, which a small board need not pay to load a model.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

UNKNOWN = "unknown"
_SUFFIX = ".dist-info"


def installed_version(name: str, module: str) -> str | None:
    """The version of the distribution `name`, whose module is `module`; None where the module is not installed.

    A module without a distribution (a program's own build of it) has the version "unknown".
    """
    spec = importlib.util.find_spec(module)
    if spec is None:
        return None
    places = [Path(place).parent for place in spec.submodule_search_locations or ()]
    found = [path.name for place in places for path in place.glob(f"{module}-*{_SUFFIX}")]
    if len(found) == 1:
        return found[0][len(module) + 1 : -len(_SUFFIX)]
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  (see above)

    try:
        return version(name)
    except PackageNotFoundError:  # as frigate ships one
        return UNKNOWN
