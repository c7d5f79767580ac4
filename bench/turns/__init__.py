"""Turns: the longest time for which one request or timer holds the reactor of a daemon that is full.

The daemon is the real one over a real store, whole in this process; only the network is in memory, so that
twenty thousand connections need no files. Time is the reactor thread's own CPU.
"""

from bench.turns.steps import run

__all__ = ["run"]
