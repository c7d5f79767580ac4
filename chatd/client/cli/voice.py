"""The voice of chatc: what it says, what it shows because it was asked, and what it could not do."""

from collections.abc import Iterable, Sequence

from chatd.client.cli import showing
from chatd.client.cli.console import Console
from chatd.client.cli.plain import explain
from chatd.client.cli.reacting import reacting_text
from chatd.client.cli.recent import SHORT, Recent
from chatd.client.cli.text import clean, clean_line, clock, event_lines, number_of
from chatd.client.core.problems import ClientError
from chatd.wire import messages as m
from chatd.wire.errors import RequestError


class Voice:
    """Speaks at the ``console``, which has to be set before; ``status`` is the exit status for programs."""

    console: Console

    def __init__(self) -> None:
        self.status = 0
        self._days = showing.Days()
        self._recent = Recent()

    def say(self, *lines: str) -> None:
        """Show what chatc itself has to say."""
        for line in lines:
            self.console.note(f"chatc: {line}")

    def answer(self, *lines: str) -> None:
        """Show what was asked for."""
        for line in lines:
            self.console.show(line)

    def answer_dated(self, ts: int, line: str) -> None:
        """Show a line about what happened at ``ts``, under its day if that is another one."""
        self._show_day(ts)
        self.console.show(line)

    def answer_event(self, event: m.Event, name: str, *, edited: bool = False, columns: int = 0) -> None:
        """Show an event that was asked for, or has come; one that mentions us stands out.

        ``edited`` and ``columns``: see `event_lines`.
        """
        about = self._recent.text if event.kind == "edit" else self._recent.words
        line = event_lines(event, name, about=about(name, event.ref), edited=edited, columns=columns)
        self._recent.add(name, event)
        if line is None:
            return
        self._show_day(event.ts)
        number = number_of(event) or event.seq if columns else 0
        self.console.show(line, nick=clean_line(event.by), loud=self.is_meant(event), number=number)

    def is_meant(self, event: m.Event) -> bool:  # noqa: ARG002 - whoever has a nick knows
        """Return whether ``event`` mentions us."""
        return False

    def recall(self, quotes: Iterable[m.Quote], name: str) -> None:
        """Learn what stands for events to which something replies that was asked for."""
        for quote in quotes:
            self._recent.quoted(name, quote)

    def knows(self, name: str, seq: int) -> bool:
        """Return whether something stands for event ``seq`` of the room called ``name``."""
        return self._recent.knows(name, seq)

    def learn(self, event: m.Event, name: str) -> None:
        """Learn what stands for ``event``, which is not shown."""
        self._recent.add(name, event)

    def event_came(self, event: m.Event, name: str) -> None:
        """Show an event that has come; where people look, with the number by which it is replied to."""
        numbered = self.console.interactive and number_of(event) > 0
        self.answer_event(event, name, columns=1 if numbered else 0)

    def reactions_came(self, events: Sequence[m.Event], name: str) -> None:
        """Show reactions to one event that have come shortly after each other, in one line."""
        said = reacting_text(events, self._recent.words(name, events[-1].ref, SHORT))
        if said:
            self._show_day(events[-1].ts)
            self.console.show(f"{clock(events[-1].ts)} {clean_line(name)} {said}")

    def _show_day(self, ts: int) -> None:
        day = self._days.line(ts)
        if day is not None:
            self.console.show(day)

    def unusable(self, why: str) -> None:
        """Say why something could not be done; a program's exit status tells it as well."""
        self.status = 1
        self.say(why)

    def refused(self, name: str, text: str, reason: str) -> None:
        """Say that ``text`` was not sent, and why; show it, so that it is not lost."""
        self.unusable(f"Not sent to {clean_line(name)}: {clean_line(reason)}")
        self.console.note(clean(text))

    def reason(self, error: ClientError | RequestError) -> str:
        """Return what ``error`` says; a program's user is told of ``--plain`` where that helps."""
        return error.text if self.console.interactive else explain(error)
