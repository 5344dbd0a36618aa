"""The commands of `edgeready`, one module each: `register` adds them to the app."""
