"""The sends: what goes from the outbox to the server, and what the answers make of it.

The outbox itself (`chatd.client.core.outbox`) counts: which number each entry has, and what must be on disk
first.
"""

from collections.abc import Callable, Iterable
from typing import Final

from chatd.client.core.backoff import Later
from chatd.client.core.notices import Accepted, Held, SendRefused
from chatd.client.core.outbox import EDIT, REACT, SAY, UNREACT, Entry, Outbox
from chatd.client.core.output import Output
from chatd.wire.errors import Code
from chatd.wire.messages import Edit, Error, File, Numbered, Ok, React, Send
from chatd.wire.names import fold
from chatd.wire.native import encode

HOLD: Final = 1.0
"""Seconds between attempts to send while the server cannot store."""


def _request(number: int, n: int, entry: Entry) -> Numbered:
    """Return the request with the id ``number`` that ``entry`` is, as the ``n``-th of the session."""
    room, seq = entry.room, entry.ref
    if entry.act == EDIT:
        return Edit(id=number, n=n, room=room, seq=seq, text=entry.text)
    if entry.act in {REACT, UNREACT}:
        return React(id=number, n=n, room=room, seq=seq, emoji=entry.text, off=entry.act == UNREACT)
    return Send(id=number, n=n, room=room, text=entry.text, file=entry.file, ref=seq)


class Sends:
    """Fills and empties the ``outbox``, in which an earlier run may have left something.

    ``number`` hands out the ids of requests, ``later`` makes the waits. ``newest`` is the key of the send
    that was entered last, of all runs. ``held_until`` is the second before which nothing is written: the
    server cannot store.
    """

    def __init__(self, outbox: Outbox, number: Callable[[], int], out: Output, later: Later) -> None:
        self._outbox = outbox
        self._request_id = number
        self._out = out
        self._later = later
        self.newest = self._inherited = max((entry.key for entry in outbox.entries), default=0)
        self.held_until: float | None = None
        self._posted: list[int] = []

    # ---- the program --------------------------------------------------------------------------------

    def queue(
        self, room: str, text: str, file: File | None, kept: int | None, act: str = SAY, ref: int = 0
    ) -> int:
        """Append a send, and note the upload ``kept`` for it as posted; return its key."""
        self.newest += 1
        self._posted += [] if kept is None else [kept]
        self._outbox.add(Entry(self.newest, room, text, file=file, act=act, ref=ref))
        self._out.save()
        return self.newest

    def take_over(self, entries: Iterable[Entry]) -> None:
        """Append sends that are on disk already, with keys behind all others."""
        for entry in entries:
            self.newest = entry.key
            self._outbox.entries.append(entry)

    def withdraw(self, keys: set[int]) -> None:
        """Take back what is not known to be accepted."""
        self._outbox.withdraw(keys)
        self._out.save()

    def give_up(self, room: str, error: Error) -> None:
        """Take back what waits for ``room``, and tell that it was refused because of ``error``."""
        mine = [one for one in self._outbox.entries if not one.withdrawn and fold(one.room) == fold(room)]
        if mine:
            self.withdraw({one.key for one in mine})
        for one in mine:
            self._out.notify(SendRefused(one.key, one.room, one.text, error.code, error.text, one.file))

    def posted(self) -> tuple[int, ...]:
        """Return the kept uploads whose posts were queued since the last call."""
        posted, self._posted = tuple(self._posted), []
        return posted

    # ---- what goes out ------------------------------------------------------------------------------

    @property
    def oldest(self) -> int | None:
        """Return the key of the first send without an answer, None where there is none."""
        return self._outbox.entries[0].key if self._outbox.entries else None

    def frames(self, window: int, last: int | None = None) -> bytes:
        """Return what may be written now, nothing behind key ``last`` and at most ``window`` unanswered."""
        frames: list[bytes] = []
        if self.held_until is not None:
            return b""
        while self._outbox.ready(window) and (last is None or self._outbox.next_key() <= last):
            number = self._request_id()
            n, entry = self._outbox.write(number)
            frames.append(encode(_request(number, n, entry)))
        return b"".join(frames)

    def tick(self, now: float) -> None:
        """Look whether the server may be tried again."""
        if self.held_until is not None and now >= self.held_until:
            self.held_until = None

    # ---- answers ------------------------------------------------------------------------------------

    def accepted(self, ok: Ok) -> None:
        """Take out the send that ``ok`` says is durable."""
        entry = self._outbox.accepted(ok.id)
        if not entry.withdrawn:
            already = ok.seq is None and entry.act in {REACT, UNREACT}
            room, last = ok.room or entry.room, self._outbox.last
            self._out.notify(Accepted(entry.key, room, ok.seq, ok.ts, last, already))
        self._out.save()

    def refused(self, request: int, error: Error, now: float) -> None:
        """Take out the send that was written as ``request``, or put it off."""
        if error.code == Code.OUT_OF_ORDER:
            self._outbox.out_of_order(request)
        elif error.code == Code.STORAGE_UNAVAILABLE or error.retry_after is not None:
            self._put_off(request, error, now)
        else:
            self._give_up(request, error)

    def _put_off(self, request: int, error: Error, now: float) -> None:
        if self._outbox.put_off(request):
            wait = self._later(HOLD if error.retry_after is None else error.retry_after)
            self.held_until = now + wait
            self._out.reason = error.text
            self._out.notify(Held(error.text, wait))
            self._out.save()

    def _give_up(self, request: int, error: Error) -> None:
        entry = self._outbox.refused(request)
        if entry is None:
            return
        self._out.save()
        if not entry.withdrawn:
            refused = SendRefused(entry.key, entry.room, entry.text, error.code, error.text, entry.file)
            self._out.notify(refused)

    # ---- welcomes -----------------------------------------------------------------------------------

    def resume(self, last: int) -> None:
        """Take out what the server accepted up to ``last``."""
        for n, entry in self._outbox.resume(last):
            self._out.notify(Accepted(entry.key, entry.room, None, None, n))

    def abandon(self) -> None:
        """Forget what an earlier run left, without deleting it: it was meant for another server."""
        self._outbox.abandon(self._inherited)
