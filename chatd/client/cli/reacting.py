"""Reactions that come: the first to an event is shown at once, those behind it together, in one line."""

from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.interfaces import IDelayedCall

from chatd.client.cli.console import Reactor
from chatd.client.cli.text import clean_line
from chatd.wire.messages import Event

KINDS: Final = frozenset({"react", "unreact"})
"""The kinds of events that are shown that way."""

PAUSE: Final = 1.0
"""Seconds between the first line about the reactions to an event and the next; behind that twice as many."""

LONGEST: Final = 32.0
"""Seconds between two such lines at the most, while there are reactions."""

NAMED: Final = 3
"""People who are named of those who did the same; the others are counted."""

DIFFERENT: Final = 4
"""Different reactions in one line; the others are counted."""


class Reactions:
    """Collects the reactions to each event; ``show`` takes those of one line, and the room's name.

    The more lines there are about one event, the further they are apart.
    """

    def __init__(self, reactor: Reactor, show: Callable[[Sequence[Event], str], None]) -> None:
        self._reactor = reactor
        self._show = show
        self._held: dict[tuple[str, int], list[Event]] = {}
        self._calls: dict[tuple[str, int], IDelayedCall] = {}

    def came(self, event: Event, name: str) -> None:
        """Show ``event``, or hold it until the pause behind another one is over."""
        key = name, event.ref
        if key in self._calls:
            self._held[key].append(event)
        else:
            self._show([event], name)
            self._wait(key, PAUSE)

    def flush(self) -> None:
        """Show what is held now."""
        for key, call in list(self._calls.items()):
            call.cancel()
            self._end(key, 0.0)

    def _wait(self, key: tuple[str, int], seconds: float) -> None:
        self._held[key] = []
        self._calls[key] = self._reactor.callLater(seconds, self._end, key, min(2 * seconds, LONGEST))

    def _end(self, key: tuple[str, int], then: float) -> None:
        """Show what was held, and hold what follows for the time ``then``."""
        del self._calls[key]
        held = self._held.pop(key)
        if held:
            self._show(held, key[0])
            if then:
                self._wait(key, then)


def reacting_text(events: Sequence[Event], about: str) -> str:
    """Return what is told of reactions to one event, called ``about``; "" if they come to nothing."""
    settled: dict[tuple[str, str], Event] = {}
    for event in events:
        before = settled.pop((event.by, event.value), None)
        if before is None or before.kind == event.kind:
            settled[event.by, event.value] = event
    groups: dict[tuple[str, str], list[str]] = {}
    for event in settled.values():
        groups.setdefault((event.kind, event.value), []).append(clean_line(event.by))
    added = [_part(kind, value, nicks) for (kind, value), nicks in groups.items() if kind == "react"]
    taken = [_part(kind, value, nicks) for (kind, value), nicks in groups.items() if kind != "react"]
    told = [_few(added) + f" to {about}"] if added else []
    if taken:
        told.append(_few(taken) + ("" if added else f" from {about}"))
    return f"* {'; '.join(told)}" if told else ""


def _few(parts: Sequence[str]) -> str:
    more = f", and {len(parts) - DIFFERENT} others" if len(parts) > DIFFERENT else ""
    return ", ".join(parts[:DIFFERENT]) + more


def _part(kind: str, value: str, nicks: Sequence[str]) -> str:
    """Return who reacts with ``value``, or takes that back."""
    one, emoji = len(nicks) == 1, clean_line(value)
    who = ", ".join(nicks[:NAMED])
    if len(nicks) > NAMED:
        who += f" and {len(nicks) - NAMED} more"
    if kind == "react":
        return f"{who} {'reacts' if one else 'react'} with {emoji}"
    return f"{who} {'takes' if one else 'take'} {emoji} back"
