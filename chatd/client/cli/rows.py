"""Rows: what one line tells of a transfer."""

from typing import Final

from msgspec import Struct

from chatd.client.cli.meter import Meter
from chatd.client.cli.sizes import rate_text, size_text, time_text
from chatd.client.cli.text import clean_line
from chatd.client.core.stages import MOVING, Stage, Transfer

_WORDS: Final = {
    Stage.READING: "reading",
    Stage.WAITING: "waiting for the link",
    Stage.OFFERING: "offering",
    Stage.SENDING: "sending",
    Stage.RECEIVING: "receiving",
    Stage.VERIFYING: "verifying",
    Stage.POSTING: "posting",
    Stage.DONE: "done",
    Stage.FAILED: "failed",
}


class Row(Struct, frozen=True):
    """A transfer with its rate in bytes per second and the seconds that are left, where they are known."""

    transfer: Transfer
    rate: float | None = None
    left: float | None = None

    @property
    def percent(self) -> int:
        """Return the whole percents that are done; 100 says that it is done and nothing else does."""
        transfer = self.transfer
        if transfer.stage is Stage.DONE:
            return 100
        return min(99, 100 * transfer.done // transfer.size) if transfer.size else 0

    @property
    def name(self) -> str:
        """Return the file's name, fit to be shown."""
        return clean_line(self.transfer.name)

    @property
    def state(self) -> str:
        """Return the words for its stage, with the reason where it has one."""
        stage, reason = self.transfer.stage, clean_line(self.transfer.reason)
        if stage is Stage.OFFERING and not self.transfer.sending:
            return "asking" + (f": {reason}" if reason else "")
        return _WORDS[stage] + (f": {reason}" if reason else "")

    @property
    def amount(self) -> str:
        """Return how much of how much is done."""
        size = self.transfer.size
        return "" if size is None else f"{size_text(self.transfer.done)} of {size_text(size)}"

    @property
    def pace(self) -> str:
        """Return the rate and what is left, while bytes move."""
        if self.rate is None or self.transfer.stage not in MOVING:
            return ""
        return rate_text(self.rate) + ("" if self.left is None else f", {time_text(self.left)} left")

    @property
    def line(self) -> str:
        """Return all of it: ``sending report.pdf 45 %, 5.4 MB of 12 MB, 1.2 MB/s, 0:05 left``."""
        progress = f"{self.percent} %, {self.amount}" if self.transfer.size else ""
        parts = [part for part in (progress, self.pace) if part]
        state = self.state
        head = f"{state} {self.name}" if ":" not in state else f"{self.name} {state}"
        return f"{head} {', '.join(parts)}".rstrip()


class Rows:
    """Makes rows of transfers, with a meter for each."""

    def __init__(self) -> None:
        self._meters: dict[int, tuple[Stage, Meter]] = {}

    def of(self, transfers: list[Transfer], now: float) -> list[Row]:
        """Return the rows of ``transfers`` as they are ``now``; those that are gone are forgotten."""
        keys = {transfer.key for transfer in transfers}
        self._meters = {key: known for key, known in self._meters.items() if key in keys}
        return [self._row(transfer, now) for transfer in transfers]

    def _row(self, transfer: Transfer, now: float) -> Row:
        stage, meter = self._meters.get(transfer.key, (transfer.stage, Meter()))
        if stage is not transfer.stage:
            meter.forget()
        self._meters[transfer.key] = transfer.stage, meter
        if transfer.stage not in MOVING:
            return Row(transfer)
        meter.feed(now, transfer.done)
        return Row(transfer, meter.rate, None if transfer.size is None else meter.left(transfer.size))
