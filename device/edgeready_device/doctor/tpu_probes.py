"""Probes of the Edge TPU: device, driver, permissions, library; the docstring of each is its question."""

from __future__ import annotations

import json
from collections.abc import Iterator

from edgeready_device.doctor.environment import Environment
from edgeready_device.doctor.finding import Finding
from edgeready_device.doctor.probes import split_remedy
from edgeready_device.doctor.sample import FILL, OPS, sample_model
from edgeready_device.isolation.trial import TrialRequest

UDEV = (
    """echo 'SUBSYSTEM=="usb",ATTRS{idVendor}=="1a6e|18d1",MODE="0664",GROUP="plugdev",TAG+="uaccess"' """
    "| sudo tee /etc/udev/rules.d/99-edgetpu-accelerator.rules && sudo udevadm control --reload-rules "
    "&& sudo udevadm trigger"
)
APEX = (
    """echo 'SUBSYSTEM=="apex",MODE="0660",GROUP="apex"' | sudo tee /etc/udev/rules.d/65-apex.rules """
    "&& sudo groupadd -f apex && sudo usermod -aG apex $USER && sudo reboot"
)
REBUILT = (
    "install a libedgetpu that was rebuilt for this runtime's TFLite (github.com/feranick/libedgetpu has some): the "
    "stock one is of TensorFlow 2.5"
)
OTHER_BUILD = "take a build of it for this runtime's version of TFLite"


def device(environment: Environment) -> Iterator[Finding]:
    """Is an Edge TPU plugged in, with its driver and firmware?"""
    if not environment.wants_tpu:
        yield Finding("Edge TPU", "note", "no Edge TPU and no libedgetpu is on this machine")
        return
    if not environment.tpus:
        yield Finding(
            "Edge TPU",
            "problem",
            "no Edge TPU is plugged in: neither 1a6e:089a nor 18d1:9302 on USB, nor 1ac1:089a on PCI",
            remedy="plug it in (in a container: docker run --privileged -v /dev/bus/usb:/dev/bus/usb)",
        )
    for tpu in environment.tpus:
        if tpu.started:
            degrees = "" if tpu.temperature_c is None else f", {tpu.temperature_c:.0f} °C"
            yield Finding("Edge TPU", "ok", f"an Edge TPU is on {tpu.kind} ({tpu.place}{degrees})")
        elif tpu.kind == "usb":
            yield Finding(
                "Edge TPU", "ok", f"an Edge TPU is on USB ({tpu.place}); the first model loads its firmware"
            )
        else:
            yield Finding(
                "Edge TPU",
                "problem",
                f"the Edge TPU on PCI {tpu.place} has no driver: there is no /dev/apex_0",
                remedy="sudo apt install gasket-dkms && sudo reboot",
            )


def permission(environment: Environment) -> Iterator[Finding]:
    """May this user open the device, or is a udev rule missing?"""
    for tpu in environment.tpus:
        if tpu.usable or not tpu.node or (tpu.kind == "pci" and not tpu.started):
            continue
        sentence = f"this user may not open the Edge TPU ({tpu.node})"
        if tpu.kind == "pci":
            yield Finding("permission", "problem", sentence, remedy=APEX)
        elif environment.udev_rule:
            yield Finding(
                "permission",
                "problem",
                f"{sentence}, though there is a udev rule",
                remedy="sudo usermod -aG plugdev $USER, log in again, and plug the device in again",
            )
        else:
            yield Finding("permission", "problem", f"{sentence}: no udev rule names it", remedy=UDEV)


def link(environment: Environment) -> Iterator[Finding]:
    """Is a USB device on USB 3, as a model whose weights do not fit on the chip needs?"""
    for tpu in environment.tpus:
        if tpu.slow_link:
            yield Finding(
                "USB link",
                "note",
                f"the Edge TPU is on USB 2 ({tpu.speed_mbps} Mbit/s): input, and weights beyond 8 MB, travel ten "
                "times as slowly",
                remedy="use a blue USB 3 port and the cable that came with it",
            )


def library(environment: Environment) -> Iterator[Finding]:
    """Is libedgetpu installed, does it load, and does it see the device?"""
    if not environment.wants_tpu:
        return
    child_exit = environment.ask("library")
    try:
        answer = json.loads(child_exit.output)
    except ValueError:  # it died before its one line
        yield Finding("libedgetpu", "problem", f"libedgetpu cannot be loaded: {child_exit.sentence}", remedy=REBUILT)
        return
    variant = environment.library.variant if environment.library else ""
    if "error" in answer:
        installed = environment.library is not None
        cure = REBUILT if installed else f"{REBUILT}; take its libedgetpu1-std (see docs/coral.md)"
        yield Finding("libedgetpu", "problem", f"libedgetpu does not load: {answer['error']}", remedy=cure)
        return
    clock = {"std": ", standard clock", "max": ", maximum clock: it gets hot"}.get(variant, "")
    yield Finding("libedgetpu", "ok", f"libedgetpu loads: {answer['version']}{clock}")
    if not answer["devices"] and environment.tpus:
        yield Finding(
            "libedgetpu",
            "problem",
            "libedgetpu sees no device though one is plugged in",
            remedy="see the permission above",
        )


def delegate(environment: Environment) -> Iterator[Finding]:
    """Does each runtime get on with the delegate, or was it built for another one?"""
    text = environment.delegate or ("edgetpu" if environment.tpus and environment.library else "")
    if not text or environment.subject is not None:  # the subject is tried with the delegate
        return
    for name, version in environment.inventory.runtimes:
        result = environment.attempt(TrialRequest(name, delegate=text, ops_total=OPS, fill=FILL), sample_model())
        # The sample is not compiled: to start is all that an Edge TPU can do with it.
        if result.ran or f"took 0 of {OPS} ops" in result.error:
            yield Finding("delegate", "ok", f"{name} {version} starts the delegate {text}")
        elif result.error:
            sentence, remedy = split_remedy(result.error)
            yield Finding("delegate", "problem", f"{name}: {sentence}", remedy=remedy)
        else:
            yield Finding(
                "delegate",
                "problem",
                f"{name} {version} does not get on with the delegate {text}: {result.exit.sentence}",
                remedy=REBUILT if text.startswith("edgetpu") else OTHER_BUILD,
            )


PROBES = (device, permission, link, library, delegate)
