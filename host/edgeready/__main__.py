"""`python -m edgeready` is the command `edgeready`."""

from edgeready.cli import main

main()
