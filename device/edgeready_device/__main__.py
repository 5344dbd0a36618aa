"""The command `edgeready-device`, also as `python -m edgeready_device`."""

from edgeready_device.ending import hold_signals

hold_signals()

from edgeready_device.cli import main  # noqa: E402  (its imports take longest)

if __name__ == "__main__":
    raise SystemExit(main())
