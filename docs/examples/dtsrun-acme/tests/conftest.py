"""Running servers come from dtsrun's test kit."""

pytest_plugins = ["dtsrun.testing.servers"]
