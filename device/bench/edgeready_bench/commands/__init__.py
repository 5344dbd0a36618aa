"""The verbs that edgeready-device takes from here."""

from edgeready_bench.commands import benchmark, compare, doctor, tune

VERBS = (benchmark, compare, tune, doctor)
