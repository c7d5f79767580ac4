"""What is left: what a profile holds that nobody is sending or getting now, until somebody decides.

That is what waits for servers that are not served now, what waits in other sessions of ours that no process
uses, and files that were on their way when a command was interrupted.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from chatd.client.core.notices import Begun, Left
from chatd.client.core.outbox import Entry
from chatd.client.profile.database import Database, Row
from chatd.client.profile.locks import SlotLock, lock_path
from chatd.client.profile.origins import Origin, written
from chatd.client.profile.rows import file_in, outbox_row, path_in, path_row
from chatd.client.values import KeptUpload
from chatd.disk import is_file
from chatd.files.partial import InUseError, discard, note_beside, part_of, read_note


class Holder(Protocol):
    """The slot that this process uses."""

    database: Database
    identity: int
    number: int
    origin: Origin

    def uploads(self) -> dict[int, KeptUpload]:
        """Return the files that are kept in it."""


class Leftovers:
    """Lists, takes over and drops what is left in the profile of ``slot``; notes what may become that."""

    def __init__(self, slot: Holder) -> None:
        self._slot = slot
        self._before = 0

    def found(self) -> list[Left]:
        """Return what the profile holds beside what this process does."""
        with self._slot.database.transaction():
            return self._found()

    def drop(self) -> None:
        """Delete what waits for the server that was at our address before, or in sessions of ours."""
        with self._slot.database.transaction(), self._held() as held:
            for left in held:
                for begun in left.begun:
                    if not begun.sending:
                        with suppress(InUseError, OSError):
                            discard(part_of(Path(begun.path)))
                self._rows("DELETE FROM begun WHERE slot = ? AND id <= ?", left.slot, self._last(left.slot))
                if left.slot != self._slot.number:
                    self._rows("DELETE FROM outbox WHERE slot = ?", left.slot)
                    self._rows("DELETE FROM upload WHERE slot = ?", left.slot)
                if left.here:
                    self._rows("DELETE FROM cursor WHERE slot = ?", left.slot)

    def take_over(self, after: int) -> tuple[list[Entry], dict[int, KeptUpload]]:
        """Make ours what waits for the server that was at our address before, behind the key ``after``.

        Return the sends, which are in the profile already, and the files by their keys.
        """
        entries: list[Entry] = []
        before = max(self._slot.uploads(), default=0)
        number = self._slot.number
        with self._slot.database.transaction(), self._held() as held:
            for slot in (left.slot for left in held if left.here):
                rows = self._rows(
                    "SELECT room, text, file, act, ref FROM outbox"
                    " WHERE slot = ? AND withdrawn = 0 ORDER BY key",
                    slot,
                )
                for room, text, file, act, ref in rows:
                    after += 1
                    entries.append(Entry(after, room, text, file=file_in(file), act=act, ref=ref))
                self._rows("DELETE FROM outbox WHERE slot = ?", slot)
                self._rows(
                    "UPDATE upload SET slot = ?, key = key +"
                    " (SELECT coalesce(max(key), 0) FROM upload WHERE slot = ?) WHERE slot = ?",
                    number,
                    number,
                    slot,
                )
            self._slot.database.many(
                "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *outbox_row(entry)) for entry in entries),
            )
        return entries, {key: upload for key, upload in self._slot.uploads().items() if key > before}

    # ---- what is on its way ---------------------------------------------------------------------------

    def begin_run(self) -> None:
        """Note, within a transaction, that what is noted from now on is of this run."""
        ((self._before,),) = self._rows("SELECT coalesce(max(id), 0) FROM begun")

    def note(self, begun: Begun) -> None:
        """Remember a file on its way."""
        with self._slot.database.transaction():
            self._forget(begun)
            self._rows(
                "INSERT INTO begun (slot, sending, room, path, seq) VALUES (?, ?, ?, ?, ?)",
                self._slot.number,
                int(begun.sending),
                begun.room,
                path_row(begun.path),
                begun.seq,
            )

    def forget(self, begun: Begun) -> None:
        """Forget it: it is there, or can never be."""
        with self._slot.database.transaction():
            self._forget(begun)

    def _forget(self, begun: Begun) -> None:
        ours = " AND room = ? AND slot IN (SELECT id FROM slot WHERE identity = ?)" if begun.sending else ""
        self._rows(
            f"DELETE FROM begun WHERE sending = ? AND path = ?{ours}",  # noqa: S608 - one of two texts
            int(begun.sending),
            path_row(begun.path),
            *((begun.room, self._slot.identity) if begun.sending else ()),
        )

    def move(self, number: int) -> None:
        """Take along, within a transaction, what is of this run: the slot ``number`` is ours from now on."""
        self._rows(
            "UPDATE begun SET slot = ? WHERE slot = ? AND id > ?", number, self._slot.number, self._before
        )

    # ---- inside ---------------------------------------------------------------------------------------

    def _rows(self, statement: str, *values: str | int) -> list[Row]:
        return self._slot.database.rows(statement, *values)

    @contextmanager
    def _held(self) -> Iterator[list[Left]]:
        """Hold the slots that may be dropped here, or taken over, but for those that are in use."""
        with ExitStack() as stack:
            held = []
            for left in self._found():
                if left.slot == self._slot.number:
                    held.append(left)
                elif left.here or left.ours:
                    lock = SlotLock.take(lock_path(self._slot.database.path, left.slot))
                    if lock is not None:
                        stack.callback(lock.release)
                        held.append(left)
            yield held

    def _found(self) -> list[Left]:
        ((ours,),) = self._rows("SELECT server FROM identity WHERE id = ?", self._slot.identity)
        rows = self._rows(
            "SELECT slot.id, server, nick, identity.id, EXISTS"
            " (SELECT 1 FROM address WHERE identity = identity.id AND address = ?),"
            " (SELECT address FROM address WHERE identity = identity.id ORDER BY used DESC LIMIT 1)"
            " FROM slot JOIN identity ON identity.id = slot.identity ORDER BY slot.id",
            self._slot.origin.text,
        )
        found = []
        for slot, server, nick, identity, met, address in rows:
            mine = identity == self._slot.identity
            left = self._left(
                slot, (server, nick, written(address or "")), here=met and server != ours, ours=mine
            )
            if (left.messages or left.files or left.rooms or left.begun) and not self._in_use(slot):
                found.append(left)
        return found

    def _in_use(self, slot: int) -> bool:
        return slot != self._slot.number and SlotLock.held(lock_path(self._slot.database.path, slot))

    def _left(self, slot: int, who: tuple[str, str, str], *, here: bool, ours: bool) -> Left:
        begun = tuple(self._begun(slot))
        if slot == self._slot.number:
            return Left(slot, *who, here=False, messages=(), files=(), rooms=(), ours=True, begun=begun)
        messages = self._rows(
            "SELECT room, text FROM outbox WHERE slot = ? AND withdrawn = 0 ORDER BY key", slot
        )
        files = self._rows("SELECT room, path FROM upload WHERE slot = ? ORDER BY key", slot)
        rooms = (
            [] if ours else self._rows("SELECT name FROM cursor WHERE slot = ? ORDER BY place, room", slot)
        )
        return Left(
            slot,
            *who,
            here and not ours,
            tuple((room, text) for room, text in messages),
            tuple((room, path_in(path)) for room, path in files),
            () if ours else tuple(name for (name,) in rooms),
            ours,
            begun,
        )

    def _begun(self, slot: int) -> Iterator[Begun]:
        """Yield what was on its way in ``slot``; what is not there any more is forgotten."""
        rows = self._rows(
            "SELECT id, sending, room, path, seq FROM begun WHERE slot = ? AND id <= ? ORDER BY id",
            slot,
            self._last(slot),
        )
        for number, sending, room, stored, seq in rows:
            path = path_in(stored)
            part = Path(path) if sending else part_of(Path(path))
            if not is_file(part):
                self._rows("DELETE FROM begun WHERE id = ?", number)
                continue
            note = None if sending else read_note(note_beside(part))
            done, size = (0, 0) if note is None else (note.stored, note.size)
            yield Begun(bool(sending), room, path, int(seq), done, size)

    def _last(self, slot: int) -> int:
        """Return the greatest number in ``slot`` of what an earlier run has begun."""
        return self._before if slot == self._slot.number else 2**62
