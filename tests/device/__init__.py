"""The tests of edgeready-device; a package, so that tests/host may have files of the same names."""
