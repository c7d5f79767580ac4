"""What one case showed: seconds and counts, as a value that is kept in JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(slots=True)
class Measured:
    """One case in one phase. Times are seconds since the cut where nothing else is said.

    ``suspected``: the client says that the link is quiet; ``noticed``: it says that the link is lost, or that
    it cannot connect, with ``reason``; ``server_noticed``: the server ends the connection, for
    ``server_reason``. ``served``: the first messages that each client said after the cut have come to the
    one behind it, and so its own is acknowledged; ``back`` is the same from the heal on. ``missing``,
    ``doubled`` and ``disordered`` count messages, over both clients. ``losses`` counts links declared
    lost, ``reaped`` those that the server gave up as silent, ``relapses`` the links lost after service
    was back. ``failures`` are the times of failed attempts, ``waits`` the seconds that the client says it
    waits after each; ``accepted`` counts the connections that an impostor got. ``lateness`` is the median
    and the worst of the seconds that messages took, ``plain`` the same for lines over a plain socket on
    the same link. ``stall``: seconds that the measuring process itself was away at the worst; no figure
    is surer than that. ``first``: what was late when it was measured for the first time; it is measured
    once more then. ``run`` counts the runs of a case that differ in what is lost.
    """

    case: str
    phase: str
    outage: float
    suspected: float | None = None
    noticed: float | None = None
    reason: str = ""
    server_noticed: float | None = None
    server_reason: str = ""
    served: float | None = None
    back: float | None = None
    said: int = 0
    missing: int = 0
    doubled: int = 0
    disordered: int = 0
    losses: int = 0
    reaped: int = 0
    relapses: int = 0
    failures: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    accepted: int = 0
    lateness: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    stall: float = 0.0
    first: list[str] = field(default_factory=list)
    ended_well: bool = False
    faults: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    run: int = 0

    @property
    def key(self) -> str:
        """Return the name of the case and the phase."""
        return f"{self.case}-{self.phase}"


def write(path: Path, results: Iterable[Measured]) -> None:
    """Keep ``results`` without their lines, and those of other cases and outages that are there already."""
    kept = {(one.key, one.outage, one.run): one for one in read(path)} if path.exists() else {}
    kept |= {(one.key, one.outage, one.run): replace(one, lines=[]) for one in results}
    rows = [asdict(kept[key]) for key in sorted(kept)]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")


def read(path: Path) -> list[Measured]:
    """Return the results that were kept."""
    return [Measured(**row) for row in json.loads(path.read_text())]
