"""`python -m edgeready` is the command `edgeready`."""

from edgeready.cli.app import main

main()
