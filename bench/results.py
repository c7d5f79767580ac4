"""What benchmarks return, and how it is written down."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.curves import Curves


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a row's median: at least or at most."""

    bound: float
    least: bool = True

    def met(self, value: float) -> bool:
        """Return whether ``value`` is on the right side of the bound."""
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {figure(self.bound)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured of whom, in which unit, once per run."""

    what: str
    who: str
    unit: str
    values: tuple[float, ...]
    target: Target | None = None

    @property
    def median(self) -> float:
        """Return the median of the runs."""
        return median(self.values)

    def cells(self) -> tuple[str, ...]:
        """Return the row's cells as text."""
        spread = f"{figure(min(self.values))} to {figure(max(self.values))}"
        return self.what, self.who, figure(self.median), self.unit, spread

    def verdict(self) -> str:
        """Return the target and whether it is met."""
        if self.target is None:
            return ""
        return f"{self.target} {'✓' if self.target.met(self.median) else '✗'}"


@dataclass(slots=True)
class Result:
    """The rows of one benchmark, what makes them doubtful, with the number of runs, and what else to know."""

    name: str
    rows: list[Row] = field(default_factory=list)
    doubts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    curves: Curves = field(default_factory=Curves)

    def doubt(self, who: str, sentences: Sequence[str]) -> None:
        """Note each of ``sentences`` about one run of ``who``."""
        self.doubts.update(f"{self.name}, {who}: {sentence}" for sentence in sentences)


def figure(value: float) -> str:
    """Return ``value`` with three digits that mean something."""
    for size, unit in ((1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            return f"{value / (1e6 if unit == ' M' else 1e3):.3g}{unit}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


HEADINGS = ("what", "of", "median", "unit", "all runs", "target")


def markdown(results: Sequence[Result], *, judge: bool = True) -> str:
    """Return the rows as Markdown: first those with a target, with ``judge``, then each benchmark's own."""
    lines: list[str] = []
    aimed = [row for result in results for row in result.rows if row.target is not None]
    if judge and aimed:
        lines += ["### The targets", "", *_table(aimed, judge=True), ""]
    for result in results:
        lines += [f"### {result.name}", "", *_table(result.rows, judge=judge), ""]
    doubts = [f"- {doubt} (runs: {runs})" for result in results for doubt, runs in result.doubts.items()]
    notes = [f"- {result.name}: {note}" for result in results for note in result.notes]
    if notes:
        lines += ["To know:", "", *notes, ""]
    if judge and doubts:
        lines += ["Doubtful:", "", *doubts, ""]
    return "\n".join(lines)


def _table(rows: Sequence[Row], *, judge: bool) -> list[str]:
    cells = [_line((*row.cells(), row.verdict() if judge else "")) for row in rows]
    return [_line(HEADINGS), f"|{'---|' * len(HEADINGS)}", *cells]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
