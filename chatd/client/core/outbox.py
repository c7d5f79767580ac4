"""The outbox: sends in order, their numbers, and which of them are on their way.

A number is not stored with a send: it is the last accepted one, plus one, plus the send's position. So a
refusal, which consumes no number, renumbers everything behind it, and a welcome that says what was accepted
drops exactly that many from the front.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chatd.client.core.problems import OutOfStepError
from chatd.wire.messages import File

FLIGHT_BYTES: Final = 262_144
"""Bytes of text unanswered at once: enough for any link, too little to choke a slow one for minutes."""


SAY: Final = ""
EDIT: Final = "edit"
REACT: Final = "react"
UNREACT: Final = "unreact"
"""What an entry of the outbox does; all of it is numbered in one row."""


class Entry(Struct, frozen=True):
    """One send that is not known to be accepted; ``withdrawn`` ones only hold the place of their number.

    ``file`` was uploaded before; ``text`` is then its caption. ``act`` says what is done: `SAY`, which may
    reply to event ``ref``, or `EDIT`, `REACT` and `UNREACT` of it; of a reaction ``text`` is the emoji.
    """

    key: int
    room: str
    text: str
    withdrawn: bool = False
    file: File | None = None
    act: str = SAY
    ref: int = 0


class Changes(Struct, frozen=True):
    """What must be written down: entries to store (anew or over old ones), and keys to delete."""

    stored: tuple[Entry, ...]
    deleted: tuple[int, ...]


class Outbox:
    """What waits to be accepted, behind ``last``, the last number known to be accepted.

    Nothing may be written to a link that is not on disk as it is: neither entries that are new, nor entries
    whose numbers changed because one before them went without consuming its own. Else the numbers of what is
    remembered would not fit what the server counted.
    """

    __slots__ = (
        "_asked",
        "_bytes",
        "_deleted",
        "_doubtful",
        "_flying",
        "_fresh",
        "_marked",
        "_renumbered",
        "entries",
        "last",
    )

    def __init__(self, entries: Iterable[Entry] = (), last: int = 0) -> None:
        self.entries = deque(entries)
        self.last = last
        self._renumbered = False
        self._asked: dict[int, int | None] = {}
        self._fresh: dict[int, Entry] = {}
        self._marked: dict[int, Entry] = {}
        self._deleted: list[int] = []
        self._bytes = 0
        self._flying = 0
        self._doubtful = len(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry) -> None:
        """Append one send."""
        self.entries.append(entry)
        self._fresh[entry.key] = entry

    def changes(self) -> Changes:
        """Return what changed since the last call; what came and went in between is in neither list."""
        changes = Changes((*self._marked.values(), *self._fresh.values()), tuple(self._deleted))
        self._marked.clear()
        self._fresh.clear()
        self._deleted.clear()
        self._renumbered = False
        return changes

    @property
    def unsaved(self) -> bool:
        """Return whether something must be written down before anything is sent."""
        return self._renumbered or bool(self._fresh)

    def in_flight(self) -> int:
        """Return how many of the first entries were written to the present link."""
        return self._flying

    @property
    def sendable(self) -> bool:
        """Return whether something waits to be written, and all is on disk that must be before."""
        return self._flying < len(self.entries) and not self._renumbered and not self._fresh

    def ready(self, window: int) -> bool:
        """Return whether one more send may be written, at most ``window`` being unanswered."""
        waiting = self._flying < len(self.entries)
        return waiting and len(self._asked) < window and self._bytes < FLIGHT_BYTES

    def next_key(self) -> int:
        """Return the key of the entry that is written next, of which there must be one."""
        return self.entries[self._flying].key

    def write(self, request: int) -> tuple[int, Entry]:
        """Return the number and the entry to be written as ``request``."""
        entry = self.entries[self._flying]
        self._flying += 1
        self._doubtful = max(self._doubtful, self._flying)
        self._bytes += len(entry.text)
        number = self.last + self._flying
        self._asked[request] = number
        return number, entry

    def asked(self, request: int) -> bool:
        """Return whether ``request`` is a send."""
        return request in self._asked

    def accepted(self, request: int) -> Entry:
        """Take out the entry written as ``request``; raises `OutOfStepError` if it is not the first."""
        if self._asked.pop(request) != self.last + 1:
            raise OutOfStepError
        return self._pop()

    def refused(self, request: int) -> Entry | None:
        """Take out the entry written as ``request``; None if it was behind a refusal and stays."""
        if not self._turned_back(request):
            return None
        entry = self.entries.popleft()
        self._gone(entry)
        self._renumbered = True
        self._purge()
        return entry

    def put_off(self, request: int) -> bool:
        """Keep the entry written as ``request``, to be written again; return False if it is anyway."""
        if not self._turned_back(request):
            return False
        self._purge()
        return True

    def out_of_order(self, request: int) -> None:
        """Note that ``request`` had the wrong number; raises `OutOfStepError` unless that was foreseen."""
        if self._asked.pop(request) is not None:
            raise OutOfStepError

    def _turned_back(self, request: int) -> bool:
        number = self._asked.pop(request)
        if number is None:
            return False
        if number != self.last + 1:
            raise OutOfStepError
        self._asked = dict.fromkeys(self._asked, None)
        self._flying = self._doubtful = self._bytes = 0
        return True

    def restart(self) -> None:
        """Forget what is on its way: the link is gone, and with it the answers."""
        self._asked.clear()
        self._flying = self._bytes = 0

    def resume(self, last: int) -> list[tuple[int, Entry]]:
        """Return, and take out, what the server accepted up to ``last``, with its numbers.

        Only entries that were ever on their way can be meant. Withdrawn ones go without a word.
        """
        self.restart()
        first = self.last + 1
        accepted = [self._pop() for _ in range(min(max(last - self.last, 0), self._doubtful))]
        self._begin(last)
        return [(n, entry) for n, entry in enumerate(accepted, first) if not entry.withdrawn]

    def renumber(self, last: int) -> None:
        """Keep every entry for another session, whose last accepted number is ``last``."""
        self.restart()
        self._begin(last)

    def abandon(self, key: int) -> None:
        """Forget the entries up to ``key`` without deleting them: they were meant for another server."""
        self.entries = deque(entry for entry in self.entries if entry.key > key)

    def withdraw(self, keys: set[int]) -> None:
        """Take back sends: those that no server can have seen vanish, others keep their number's place."""
        kept: deque[Entry] = deque()
        for position, entry in enumerate(self.entries):
            if entry.key not in keys:
                kept.append(entry)
            elif position < self._doubtful:
                kept.append(self._mark(entry))
            else:
                self._gone(entry)
                self._renumbered = True
        self.entries = kept

    def _mark(self, entry: Entry) -> Entry:
        marked = replace(entry, withdrawn=True)
        (self._fresh if entry.key in self._fresh else self._marked)[entry.key] = marked
        return marked

    def _gone(self, entry: Entry) -> None:
        if self._fresh.pop(entry.key, None) is None:
            self._marked.pop(entry.key, None)
            self._deleted.append(entry.key)

    def _begin(self, last: int) -> None:
        self.last = last
        self._doubtful = 0
        self._purge()

    def _purge(self) -> None:
        withdrawn = [entry for entry in self.entries if entry.withdrawn]
        if withdrawn:
            self.entries = deque(entry for entry in self.entries if not entry.withdrawn)
        for entry in withdrawn:
            self._gone(entry)
            self._renumbered = True

    def _pop(self) -> Entry:
        entry = self.entries.popleft()
        self._gone(entry)
        self.last += 1
        if self._flying:
            self._flying -= 1
            self._bytes -= len(entry.text)
        self._doubtful = max(self._doubtful - 1, 0)
        return entry
