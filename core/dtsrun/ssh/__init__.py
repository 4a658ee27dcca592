"""Tunnels through SSH: the configuration of the system's client, the process that it runs in, and what it complains
about."""
