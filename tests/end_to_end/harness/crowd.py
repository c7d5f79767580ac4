"""A crowd in a process of its own: clients that talk and read through whatever happens to their daemon."""

import json
import subprocess
import sys
from dataclasses import dataclass

from tests.end_to_end.harness.processes import ROOT, environment
from tests.end_to_end.harness.program import Program


@dataclass
class Outcome:
    """What a crowd has seen: each reader's texts, what was acknowledged, silences, links lost, refusals."""

    readers: list[list[str]]
    acknowledged: int
    silences: list[list[float]]
    lost: int
    refused: int


class Crowd:
    """``readers`` clients that listen, and one that sends ``rate`` texts in a second, at a daemon's ``port``.

    The texts are numbers, from 0 on.
    """

    def __init__(self, port: int, readers: int, rate: float) -> None:
        program = "tests.end_to_end.harness.crowd_program"
        self._process = Program(
            [sys.executable, "-m", program, str(port), str(readers), str(rate)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def end(self, patience: float) -> Outcome:
        """Let the sender end, and return what everybody has seen once all of it was acknowledged and read."""
        said, _ = self._process.communicate("", timeout=patience)
        return Outcome(**json.loads(said))

    def close(self) -> None:
        """See to it that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
