"""The child process of `doctor`: it answers one question with a line of JSON, and may crash while it does."""

from __future__ import annotations

import ctypes
import json
import sys


class _Device(ctypes.Structure):
    """libedgetpu's `edgetpu_device` (edgetpu_c.h): 0 is PCI, 1 USB."""

    _fields_ = (("kind", ctypes.c_int), ("path", ctypes.c_char_p))


def main() -> int:
    """Writes the answer to the question that is the first argument: inventory or library."""
    answer = {"inventory": read_inventory, "library": read_library}[sys.argv[1]]()
    sys.stdout.write(json.dumps(answer))
    return 0


def read_inventory() -> dict[str, object]:
    """Loads numpy, finds the runtimes without loading them, and returns their names and versions."""
    import numpy as np  # noqa: PLC0415  (the crash of one question is not that of the other)

    from edgeready_device.runtime.runtime import installed_runtimes  # noqa: PLC0415

    runtimes = [[runtime.name, runtime.version] for runtime in installed_runtimes()]
    return {"numpy": np.__version__, "runtimes": runtimes}


def read_library() -> dict[str, object]:
    """Loads libedgetpu and returns its `version` and `devices` as [kind, path], or the loader's `error`."""
    from edgeready_device.runtime.delegate import parse_delegate  # noqa: PLC0415

    try:
        library = ctypes.CDLL(parse_delegate("edgetpu").library)
    except OSError as error:
        return {"error": " ".join(str(error).split())}
    if not hasattr(library, "edgetpu_version"):
        return {"error": "it has no edgetpu_version: it is no libedgetpu"}
    library.edgetpu_version.restype = ctypes.c_char_p
    library.edgetpu_list_devices.restype = ctypes.POINTER(_Device)
    library.edgetpu_list_devices.argtypes = [ctypes.POINTER(ctypes.c_size_t)]
    count = ctypes.c_size_t(0)
    array = library.edgetpu_list_devices(ctypes.byref(count))
    devices = [["usb" if array[i].kind else "pci", array[i].path.decode()] for i in range(count.value)]
    return {"version": library.edgetpu_version().decode(), "devices": devices}
