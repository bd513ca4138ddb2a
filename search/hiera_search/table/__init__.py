"""Prices of candidates by look-up: each distinct part of an architecture is lowered once, and the rest is addition.

A candidate is a stem, stages of blocks, a neck and a head; a masked autoencoder has a fusion and a decoder after its
stages. What a block costs depends on its own stage and on what flows into it, and what a neck or a fusion costs on the
ends of the stages that it reads, so a table of parts gives the figures that the compiler gives for the whole, to the
last digit.
"""

from hiera_search.table.columns import Columns
from hiera_search.table.figures import capacity, memory_bytes
from hiera_search.table.table import Table

__all__ = ["Columns", "Table", "capacity", "memory_bytes"]
