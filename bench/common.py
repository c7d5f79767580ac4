"""What every benchmark is told, and how one fails."""

from dataclasses import dataclass
from pathlib import Path


class BenchError(Exception):
    """A benchmark could not be run to its end, or its result was wrong."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long and how large to measure.

    ``rounds`` interleaved runs of ``seconds`` each; ``long`` seconds for what only shows in time. With
    ``smoke`` sizes are small, bytes are kept and checked, and figures mean nothing. ``folder`` is where
    servers put their data (None: a temporary folder), ``count`` how many connections there are to be where
    that can be chosen (0: as many as by default).
    """

    rounds: int = 3
    seconds: float = 3.0
    long: float = 60.0
    smoke: bool = False
    count: int = 0
    folder: Path | None = None

    def size(self, full: int, smoke: int) -> int:
        """Return ``full`` or, in a smoke run, ``smoke``."""
        return smoke if self.smoke else full
