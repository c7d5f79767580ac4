"""Write docs/RELIABILITY.md from what was measured.

    python -m tests.network.report [FILE]

FILE is what `tests.network.measure --keep` keeps; measured.json beside this module by default.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Final

from tests.end_to_end.harness.processes import ROOT
from tests.network import measured
from tests.network.cases import BY_NAME, CASES, Case
from tests.network.lab.chat import RATE
from tests.network.measured import Measured
from tests.network.playing import OUTAGE

MEASURED: Final = Path(__file__).with_name("measured.json")
PAGE: Final = ROOT / "docs" / "RELIABILITY.md"

_SOURCES: Final = {
    "client-cable-connected": "never",
    "client-black-hole-connected": "at once",
    "proxy-killed-connected": "at once",
    "proxy-black-hole-connected": "about 30 s",
    "proxy-cable-connected": "about 30 s",
    "server-killed-connected": "at once",
}
"""When the Qt clients of the articles notice, as their authors report it; these six cases are told."""

_TEXT: Final = Path(__file__).with_name("reliability.md")


Row = tuple[Case, Measured]


def page(results: Iterable[Measured]) -> str:
    """Return the whole page."""
    rows = sorted(((BY_NAME[one.case], one) for one in results if one.case in BY_NAME), key=_place)
    usual = [row for row in rows if not _is_long(row) and not row[0].alive]
    long = [row for row in rows if _is_long(row)]
    silent = next(one for case, one in usual if one.key == "client-black-hole-connected")
    backs = [one.back for case, one in usual if case.back is not None and one.back is not None]
    return _TEXT.read_text().format(
        rate=RATE,
        outage=OUTAGE,
        long=" ".join(dict.fromkeys(case.name for case, _ in long)),
        outages=_outages(usual),
        median=median(backs),
        worst=max(backs),
        long_outages=f"### After more than two minutes\n\n{_outages(long)}\n\n" if long else "",
        bad=_bad([row for row in rows if row[0].alive]),
        twice=sum(bool(one.first) for _, one in rows),
        silent=silent.noticed,
        suspects=silent.suspected,
        server=silent.server_noticed,
    )


def _place(row: Row) -> tuple[int, str]:
    return CASES.index(row[0]), row[1].phase


def _is_long(row: Row) -> bool:
    case, found = row
    return found.outage > (case.outage or OUTAGE)


def _outages(rows: list[Row]) -> str:
    return _table(_OUTAGE, rows, lambda _: True)


def _table(columns: dict[str, Callable[[Row], str]], rows: list[Row], wanted: Callable[[Row], bool]) -> str:
    lines = [" | ".join(columns), "|".join("---" for _ in columns)]
    lines += [" | ".join(show(row) for show in columns.values()) for row in rows if wanted(row)]
    return "\n".join(f"| {line} |" for line in lines)


def _bad(rows: list[Row]) -> str:
    """Return the table of the bad links, with one line for all runs of a case in a phase."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[1].key, []).append(row)
    lines = [" | ".join(_BAD), "|".join("---" for _ in _BAD)]
    lines += [" | ".join(show(runs) for show in _BAD.values()) for runs in groups.values()]
    return "\n".join(f"| {line} |" for line in lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _server(row: Row) -> str:
    found = row[1]
    return f"{_seconds(found.server_noticed)} {found.server_reason}".removesuffix(" ")


def _late(values: list[list[float]]) -> str:
    """Return the median of the medians, the worst of the runs in the middle, and the worst of all."""
    told = [one for one in values if one]
    if not told:
        return "-"
    worst = sorted(one[1] for one in told)
    return " / ".join(map(_seconds, (median(one[0] for one in told), median(worst), worst[-1])))


def _each(counts: list[int]) -> str:
    return ", ".join(map(str, counts))


def _title(row: Row) -> str:
    case, found = row
    return case.title if found.outage == (case.outage or OUTAGE) else f"{case.title}, {found.outage:g} s"


def _lost(row: Row) -> str:
    return str(row[1].missing)


def _doubled(row: Row) -> str:
    return str(row[1].doubled + row[1].disordered)


_OUTAGE: Final[dict[str, Callable[[Row], str]]] = {
    "case": _title,
    "phase": lambda row: row[1].phase,
    "suspects": lambda row: _seconds(row[1].suspected),
    "knows": lambda row: _seconds(row[1].noticed),
    "server": _server,
    "back": lambda row: _seconds(row[1].back),
    "served": lambda row: _seconds(row[1].served),
    "lost": _lost,
    "doubled": _doubled,
    "sources": lambda row: _SOURCES.get(row[1].key, ""),
    "the client says": lambda row: row[1].reason,
}

_BAD: Final[dict[str, Callable[[list[Row]], str]]] = {
    "case": lambda runs: _title(runs[0]),
    "phase": lambda runs: runs[0][1].phase,
    "links declared lost, by run": lambda runs: _each([one.losses for _, one in runs]),
    "links given up by the server, by run": lambda runs: _each([one.reaped for _, one in runs]),
    "late": lambda runs: _late([one.lateness for _, one in runs]),
    "late, plain socket": lambda runs: _late([one.plain for _, one in runs]),
    "back": lambda runs: _seconds(max((one.back for _, one in runs if one.back is not None), default=None)),
    "lost": lambda runs: str(sum(one.missing for _, one in runs)),
    "doubled": lambda runs: str(sum(one.doubled + one.disordered for _, one in runs)),
}


def main() -> None:
    """Write the page."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else MEASURED
    PAGE.write_text(page(measured.read(file)))


if __name__ == "__main__":
    main()
