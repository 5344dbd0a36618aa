"""`python -m edgeready_device` is the command `edgeready-device`."""

from edgeready_device.cli import main

raise SystemExit(main())
