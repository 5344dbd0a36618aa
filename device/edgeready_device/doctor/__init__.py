"""Why a model does not run here: probes in child processes, and a sentence with the command that fixes it."""
