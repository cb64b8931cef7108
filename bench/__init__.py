"""Measurements of a running install, from outside: `python -m bench.loop --help`."""
