"""Fixtures of all tests: running servers and fresh databases."""

pytest_plugins = ["dtsrun.testing.servers"]
