"""The child that loads libedgetpu and asks it for its version and its devices."""

from __future__ import annotations

import ctypes
import json
import sys

from edgeready_device.runtime.delegate import parse_delegate


class _Device(ctypes.Structure):
    """libedgetpu's `edgetpu_device` (edgetpu_c.h): 0 is PCI, 1 USB."""

    _fields_ = (("kind", ctypes.c_int), ("path", ctypes.c_char_p))


def main() -> int:
    """Writes one line of JSON: `version`, `devices` as [kind, path], or `error` with the loader's reason."""
    sys.stdout.write(json.dumps(_found()))
    return 0


def _found() -> dict[str, object]:
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
    devices = library.edgetpu_list_devices(ctypes.byref(count))
    found = [["usb" if devices[i].kind else "pci", devices[i].path.decode()] for i in range(count.value)]
    return {"version": library.edgetpu_version().decode(), "devices": found}
