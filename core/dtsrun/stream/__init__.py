"""Carrying changes ourselves, for servers that cannot see each other: pgoutput is read from the source's slot and
applied to the target, each transaction exactly once.

Everything here takes a `Link` and routes; it runs in a process of its own (`process`).
"""
