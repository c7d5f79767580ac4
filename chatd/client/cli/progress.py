"""Bars on a terminal, by rich, which is imported here alone (the extra ``terminal``)."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from chatd.client.cli.rows import Row
from chatd.client.cli.text import clean_line


class Bars:
    """A bar for each transfer, on standard error; painted when it is told to, by no thread of its own."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[percent]:>3} %", markup=False),
            TextColumn("{task.fields[amount]}", markup=False),
            TextColumn("{task.fields[pace]}", markup=False),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            auto_refresh=False,
            expand=True,
        )
        self._tasks: dict[int, TaskID] = {}
        self._begun = False

    def show(self, rows: Sequence[Row]) -> None:
        """Paint ``rows``."""
        if rows and not self._begun:
            self._begun = True
            self._progress.start()
        for row in rows:
            self._update(row)
        if self._begun:
            self._progress.refresh()

    def _update(self, row: Row) -> None:
        key = row.transfer.key
        said: dict[str, Any] = {
            "name": row.name,
            "percent": row.percent,
            "amount": row.amount,
            "pace": row.pace,
            "state": row.state,
        }
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task("", total=100, **said)
        self._progress.update(self._tasks[key], completed=row.percent, **said)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(f"chatc: {clean_line(text)}", markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the bars as they stand."""
        if self._begun:
            self._begun = False
            self._progress.stop()
