"""Comparison of both ends: the rows of a table, and the definitions of a database."""

from dtsrun.compare.definitions import compare_definitions
from dtsrun.compare.live import compare_rows_live, confirmed_position
from dtsrun.compare.rows import compare_rows

__all__ = ["compare_definitions", "compare_rows", "compare_rows_live", "confirmed_position"]
