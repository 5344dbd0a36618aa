"""Machines as their kernels describe them, as trees of files that a test lays in place of /proc and /sys.

The contents are in the kernels' own formats (cpufreq, thermal, hwmon, the Raspberry Pi's firmware driver), cut to the
files that are read. A file whose contents are None cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Tree = Mapping[str, "str | bytes | None"]
CPUFREQ = "sys/devices/system/cpu/cpufreq"
THERMAL = "sys/class/thermal"
GET_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
GET_THROTTLED_PI5 = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
STAT = "cpu  1000 0 500 90000 100 0 10 0 0 0\ncpu0 1000 0 500 90000 100 0 10 0 0 0\n"


def lay(root: Path, tree: Tree) -> Path:
    """Writes `tree` below `root`; a file that cannot be read is a folder of its name."""
    for name, contents in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if contents is None:
            path.mkdir()
        else:
            path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return root


def clock(
    governor: str, now: int, least: int, most: int, built: int | None = None, policy: int = 0
) -> dict[str, str]:
    """One cpufreq policy, in MHz."""
    return {
        f"{CPUFREQ}/policy{policy}/{name}": f"{value}\n"
        for name, value in {
            "scaling_governor": governor,
            "scaling_cur_freq": now * 1000,
            "scaling_min_freq": least * 1000,
            "scaling_max_freq": most * 1000,
            "cpuinfo_max_freq": (built or most) * 1000,
        }.items()
    }


def zone(kind: str, celsius: float, number: int = 0) -> dict[str, str]:
    """One thermal zone."""
    folder = f"{THERMAL}/thermal_zone{number}"
    return {f"{folder}/type": f"{kind}\n", f"{folder}/temp": f"{round(celsius * 1000)}\n"}


def cooler(kind: str, state: int, number: int = 0) -> dict[str, str]:
    """One cooling device."""
    folder = f"{THERMAL}/cooling_device{number}"
    return {f"{folder}/type": f"{kind}\n", f"{folder}/cur_state": f"{state}\n"}


def supply(alarm: int, name: str = "rpi_volt", number: int = 1) -> dict[str, str]:
    """The kernel's voltage monitor."""
    folder = f"sys/class/hwmon/hwmon{number}"
    return {f"{folder}/name": f"{name}\n", f"{folder}/in0_lcrit_alarm": f"{alarm}\n"}


def load(average: float) -> dict[str, str]:
    """The load averages."""
    return {"proc/loadavg": f"{average:.2f} 0.10 0.05 1/150 900\n"}


@dataclass(frozen=True)
class Case:
    """A machine before a measurement and, where something changes, after it; `kinds` is the verdict."""

    architecture: str
    before: Tree
    kinds: tuple[str, ...]
    after: Tree = field(default_factory=dict)
    cpus: int = 4


PI3 = {
    "proc/device-tree/model": b"Raspberry Pi 3 Model B Plus Rev 1.3\0",
    **clock("performance", 1400, 600, 1400),
    **zone("cpu-thermal", 48.3),
    GET_THROTTLED: "0\n",
    **supply(0),
    **load(0.1),
}
PI4 = {
    "proc/device-tree/model": b"Raspberry Pi 4 Model B Rev 1.4\0",
    **clock("performance", 1800, 600, 1800),
    **zone("cpu-thermal", 51.1),
    GET_THROTTLED: "0\n",
    **supply(0),
    **load(0.08),
}
PI5 = {
    "proc/device-tree/model": b"Raspberry Pi 5 Model B Rev 1.0\0",
    **clock("performance", 2400, 1500, 2400),
    **zone("cpu-thermal", 55.2),
    **cooler("pwm-fan", 2),
    GET_THROTTLED_PI5: "0\n",
    **supply(0, number=2),
    **load(0.2),
}
CORAL = {
    "proc/device-tree/model": b"Freescale i.MX8MQ Phanbell\0",
    **clock("performance", 1500, 500, 1500),
    **zone("cpu-thermal", 60.0),
    **zone("gpu-thermal", 58.0, 1),
    **zone("apex_thermal", 61.0, 2),
    **cooler("thermal-cpufreq-0", 0),
    **load(0.15),
}
LAPTOP = {
    **clock("performance", 2900, 400, 4700, 4700),
    **clock("performance", 800, 400, 4700, 4700, policy=1),
    **zone("acpitz", 27.8),
    **zone("x86_pkg_temp", 62.0, 1),
    **zone("iwlwifi_1", 40.0, 2),
    **cooler("Processor", 0),
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "12\n",
    "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "3\n",
    **load(0.3),
}
QEMU7 = {"proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)\n"}
QEMU10 = {
    "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n",
    "sys/devices/system/cpu/modalias": "cpu:type:x86,ven0000fam0006mod008F:feature:,0000\n",
}
BIG_LITTLE = {
    **clock("performance", 1800, 408, 1800),
    **clock("performance", 2400, 408, 2400, policy=4),
    **zone("soc-thermal", 45.0),
    **load(0.1),
}

CASES = {
    "Pi 3, all well": Case("aarch64", PI3, ()),
    "Pi 3 on a 32-bit system": Case("armv7l", PI3, ()),
    "Pi 3 that lowers its clock at the soft limit": Case(
        "aarch64", PI3, ("throttled",), {**zone("cpu-thermal", 61.0), GET_THROTTLED: "80008\n"}
    ),
    "Pi 4, all well": Case("aarch64", PI4, ()),
    "Pi 4 throttled now": Case("aarch64", PI4, ("throttled",), {GET_THROTTLED: "e000e\n"}),
    "Pi 4 throttled between two looks": Case("aarch64", PI4, ("throttled",), {GET_THROTTLED: "40000\n"}),
    "Pi 4 that was throttled before, and is not now": Case("aarch64", {**PI4, GET_THROTTLED: "50000\n"}, ()),
    "Pi 4 on a weak supply": Case(
        "aarch64", PI4, ("throttled", "under-voltage"), {GET_THROTTLED: "50005\n", **supply(1)}
    ),
    "Pi 4 with a dip between two looks": Case("aarch64", PI4, ("under-voltage",), {GET_THROTTLED: "10000\n"}),
    "Pi 4 on a kernel with the voltage monitor only": Case(
        "aarch64",
        {name: text for name, text in PI4.items() if name != GET_THROTTLED},
        ("under-voltage",),
        supply(1),
    ),
    "Pi 4 as it is delivered": Case("aarch64", {**PI4, **clock("ondemand", 600, 600, 1800)}, ("governor",)),
    "Pi 4 whose clock is fixed": Case("aarch64", {**PI4, **clock("ondemand", 600, 600, 600, 1800)}, ()),
    "Pi 4 set to a clock by hand": Case("aarch64", {**PI4, **clock("userspace", 1200, 600, 1800)}, ()),
    "Pi 4 at half its clock under performance": Case(
        "aarch64", PI4, ("throttled",), clock("performance", 900, 600, 1800)
    ),
    "Pi 5, all well, its fan turning": Case("aarch64", PI5, ()),
    "Pi 5 too hot": Case("aarch64", PI5, ("throttled",), {GET_THROTTLED_PI5: "60006\n", **zone("cpu-thermal", 85.4)}),
    "Coral Dev Board, all well": Case("aarch64", CORAL, ()),
    "Coral Dev Board held back by its cooling": Case(
        "aarch64", CORAL, ("throttled",), {**cooler("thermal-cpufreq-0", 2), **zone("cpu-thermal", 90.0)}
    ),
    "Coral Dev Board whose limit came down": Case(
        "aarch64", CORAL, ("throttled",), clock("performance", 1000, 500, 1000, 1500)
    ),
    "x86 laptop, all well, an idle core slow": Case("x86_64", LAPTOP, (), cpus=8),
    "x86 laptop too hot": Case(
        "x86_64",
        LAPTOP,
        ("throttled",),
        {"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "9\n"},
        cpus=8,
    ),
    "x86 laptop that saves power": Case(
        "x86_64", {**LAPTOP, **clock("powersave", 900, 400, 4700)}, ("governor",), cpus=8
    ),
    "two clusters, all well": Case("aarch64", BIG_LITTLE, (), cpus=6),
    "two clusters, the small one follows the load": Case(
        "aarch64", {**BIG_LITTLE, **clock("schedutil", 408, 408, 1800)}, ("governor",), cpus=6
    ),
    "two clusters, the large one held back": Case(
        "aarch64", BIG_LITTLE, ("throttled",), clock("performance", 1200, 408, 2400, policy=4), cpus=6
    ),
    "an old kernel with a clock for each CPU": Case(
        "armv7l",
        {
            name.replace("cpufreq/policy0", "cpu0/cpufreq"): text
            for name, text in clock("ondemand", 700, 700, 1000).items()
        },
        ("governor",),
        cpus=1,
    ),
    "a container without /sys": Case("x86_64", load(0.0), ()),
    "a container without anything": Case("x86_64", {}, ()),
    "a machine that others keep busy": Case("x86_64", load(3.9), ("busy",), cpus=4),
    "QEMU 7 in a container without /sys": Case("aarch64", QEMU7, ("emulated",)),
    "QEMU 10": Case("aarch64", QEMU10, ("emulated",)),
    "QEMU 10 on a host that is throttled and busy": Case(
        "armv7l", {**QEMU10, **load(9.0)}, ("emulated",), {**clock("powersave", 1, 1, 2), GET_THROTTLED: "4\n"}
    ),
    "garbage in every file": Case(
        "aarch64",
        {
            **dict.fromkeys(PI4, b"\xff\xfegarbage\0\n"),
            "proc/loadavg": "nan inf\n",
            f"{THERMAL}/cooling_device0/type": b"cpufreq\xff",
            f"{THERMAL}/cooling_device0/cur_state": "1e3\n",
        },
        (),
    ),
    "no file can be read": Case("aarch64", dict.fromkeys(PI4), ()),
    "numbers that cannot be": Case(
        "aarch64",
        {
            **clock("performance", -1, 0, 0),
            **zone("cpu-thermal", 9999.0),
            GET_THROTTLED: "-5\n",
            **load(-3.0),
            "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "9" * 5000 + "\n",
        },
        (),
    ),
    "empty files": Case("aarch64", dict.fromkeys(PI4, ""), ()),
}
