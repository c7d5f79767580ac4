"""The store in memory: everything in it has been committed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chatd.chat import storage
from chatd.wire.check import check_of
from chatd.wire.stored import known_time_of, text_of


@dataclass
class MemoryStore:
    """A `chatd.chat.storage.Store` in memory. Everything in it has been committed.

    While ``held`` is true commits wait for `release`; while ``failing`` is an exception they fail with it,
    and while ``unreadable`` is one, reading does. ``commits`` counts the commits.
    """

    server: str = "memory"
    held: bool = False
    failing: Exception | None = None
    unreadable: Exception | None = None
    commits: int = 0
    last_session: int = 0
    users: dict[int, storage.PutUser] = field(default_factory=dict)
    sessions: dict[int, storage.PutSession] = field(default_factory=dict)
    rooms: dict[int, storage.PutRoom] = field(default_factory=dict)
    members: dict[tuple[int, int], storage.PutMember] = field(default_factory=dict)
    files: dict[tuple[int, int], storage.PutFile] = field(default_factory=dict)
    time: storage.PutTime = field(default_factory=lambda: storage.PutTime(0, 0))
    marks: dict[tuple[int, int], storage.PutMark] = field(default_factory=dict)
    uploads: dict[tuple[int, str], storage.PutUpload] = field(default_factory=dict)
    events: dict[int, dict[int, bytes]] = field(default_factory=dict)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def load(self) -> storage.Snapshot:
        """Return what was committed."""
        rooms = [storage.StoredRoom(room, *self._last(room.id)) for room in self.rooms.values()]
        return storage.Snapshot(
            self.server,
            list(self.users.values()),
            list(self.sessions.values()),
            rooms,
            list(self.members.values()),
            self.last_session,
            list(self.files.values()),
            self.time,
            list(self.marks.values()),
            list(self.uploads.values()),
        )

    def _last(self, log: int) -> tuple[int, int, str]:
        kept = self.events.get(log, {})
        head = max(kept, default=0)
        if not head:
            return 0, 0, ""
        return head, known_time_of(kept[head]), check_of(text_of(kept[head]))

    def append(self, changes: storage.Changes, done: Callable[[Exception | None], None]) -> None:
        """Commit at once, or when `release` is called."""
        self._waiting.append(lambda: done(self._commit(changes)))
        if not self.held:
            self.release()

    def release(self, count: int | None = None) -> None:
        """Commit the batches that wait, or so many of them."""
        while self._waiting and count != 0:
            self._waiting.pop(0)()
            count = None if count is None else count - 1

    def lose_power(self) -> None:
        """Lose the batches that wait to be committed."""
        self._waiting.clear()

    def read(
        self,
        log: int,
        first: int,
        last: int,
        limit: int,
        newest: bool,
        done: Callable[[list[bytes] | storage.StoreError], None],
    ) -> None:
        """Hand out committed events."""
        if self.unreadable is not None:
            done(storage.StoreError(str(self.unreadable)))
            return
        kept = self.events.get(log, {})
        frames: list[bytes] = []
        for seq in range(last, first - 1, -1) if newest else range(first, last + 1):
            if seq not in kept or (frames and sum(map(len, frames)) + len(kept[seq]) > limit):
                break
            frames.append(kept[seq])
        done(frames[::-1] if newest else frames)

    def space(self, done: Callable[[storage.Space | storage.StoreError], None]) -> None:
        """Take no room."""
        done(storage.Space(0, 0, 0))

    def close(self) -> bool:
        """Do nothing: there are no files."""
        return True

    def _commit(self, changes: storage.Changes) -> Exception | None:
        if self.failing is not None:
            return self.failing
        self.commits += 1
        for change in changes.others:
            self._APPLY[type(change)](self, change)
        for log, first, frames in changes.events:
            self.events.setdefault(log, {}).update(enumerate(frames, first))
        for last, session in changes.sends:
            self.sessions[session] = self.sessions[session]._replace(last=last)
        return None

    def _put_session(self, row: storage.PutSession) -> None:
        self.last_session = max(self.last_session, row.id)
        known = self.sessions.get(row.id)
        self.sessions[row.id] = row if known is None else known._replace(seen=row.seen)

    def _trim(self, row: storage.Trim) -> None:
        kept = self.events.get(row.room, {})
        self.events[row.room] = {seq: frame for seq, frame in kept.items() if seq >= row.first}

    def _drop_files(self, row: storage.DropFiles) -> None:
        for key in [key for key in self.files if key[0] == row.room and key[1] < row.first]:
            del self.files[key]

    def _put_time(self, row: storage.PutTime) -> None:
        self.time = row

    def _drop_marks(self, row: storage.DropMarks) -> None:
        for key in [key for key in self.marks if key[0] == row.room and key[1] < row.first]:
            del self.marks[key]

    _APPLY = {  # noqa: RUF012 - a table, the same for all
        storage.PutUser: lambda self, row: self.users.__setitem__(row.id, row),
        storage.DropUser: lambda self, row: self.users.pop(row.id, None),
        storage.PutSession: _put_session,
        storage.DropSession: lambda self, row: self.sessions.pop(row.id, None),
        storage.PutRoom: lambda self, row: self.rooms.__setitem__(row.id, row),
        storage.PutMember: lambda self, row: self.members.__setitem__((row.room, row.user), row),
        storage.DropMember: lambda self, row: self.members.pop((row.room, row.user), None),
        storage.PutFile: lambda self, row: self.files.__setitem__((row.room, row.seq), row),
        storage.DropFiles: _drop_files,
        storage.Trim: _trim,
        storage.PutMark: lambda self, row: self.marks.__setitem__((row.room, row.seq), row),
        storage.DropMark: lambda self, row: self.marks.pop(row, None),
        storage.DropMarks: _drop_marks,
        storage.PutUpload: lambda self, row: self.uploads.__setitem__((row.user, row.sha256), row),
        storage.DropUpload: lambda self, row: self.uploads.pop(row, None),
        storage.PutTime: _put_time,
    }
