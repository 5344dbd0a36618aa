"""The host's dependencies: the device package of exactly this version, and few others."""

from pathlib import Path

from setuptools import setup

VERSION = Path(__file__).with_name("device").joinpath("edgeready_device", "VERSION").read_text("ascii").strip()

setup(
    install_requires=[
        f"edgeready-device=={VERSION}",
        "ai-edge-litert>=2.3,<3",
        "numpy>=1.26",
        "pillow>=10.3",
        "tomli>=2; python_version < '3.11'",  # the standard library has tomllib from 3.11
        "typer>=0.15",
    ]
)
