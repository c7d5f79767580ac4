"""The store in memory: everything in it has been committed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final

from chatd.chat import storage
from chatd.chat.changes.rows import (
    Change,
    Erase,
    PutAccount,
    PutAct,
    PutAddressBan,
    PutAllow,
    PutBlock,
    PutCertificate,
    PutCursor,
    PutEdit,
    PutEmptied,
    PutErasure,
    PutFile,
    PutHook,
    PutHookKey,
    PutInvite,
    PutMark,
    PutMember,
    PutMention,
    PutMetadata,
    PutNick,
    PutPin,
    PutPlace,
    PutReaction,
    PutReply,
    PutRoom,
    PutScram,
    PutSession,
    PutStatus,
    PutTally,
    PutThread,
    PutTime,
    PutUpload,
    PutUser,
    Trim,
)
from chatd.chat.counting import COUNTED, completed
from chatd.chat.crowd import crowds_of
from chatd.chat.facts import Facts
from chatd.chat.looked import QUOTED_BYTES, Found, Looked, Pinned, Range, Wanted, within
from chatd.chat.names import USER_SIGN
from chatd.counters import SECONDS, Histogram
from chatd.search.query import Query
from chatd.search.said import Edit, Said, means, said_in
from chatd.wire.limits import PAGE_BYTES
from chatd.wire.stored import known_check_of, known_kind_of, known_time_of, text_of


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
    syncs: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    last_session: int = 0
    last_user: int = 0
    users: dict[int, PutUser] = field(default_factory=dict)
    sessions: dict[int, PutSession] = field(default_factory=dict)
    rooms: dict[int, PutRoom] = field(default_factory=dict)
    emptied: dict[int, PutEmptied] = field(default_factory=dict)
    members: dict[tuple[int, int], PutMember] = field(default_factory=dict)
    accounts: dict[int, PutAccount] = field(default_factory=dict)
    nicks: dict[str, PutNick] = field(default_factory=dict)
    invites: dict[bytes, PutInvite] = field(default_factory=dict)
    certificates: dict[tuple[int, str], PutCertificate] = field(default_factory=dict)
    scrams: dict[int, PutScram] = field(default_factory=dict)
    metadata: dict[tuple[str, str], PutMetadata] = field(default_factory=dict)
    places: dict[tuple[int, str], PutPlace] = field(default_factory=dict)
    erasures: dict[int, PutErasure] = field(default_factory=dict)
    address_bans: dict[str, PutAddressBan] = field(default_factory=dict)
    acts: dict[tuple[int, str, str], PutAct] = field(default_factory=dict)
    blocks: dict[tuple[int, int], PutBlock] = field(default_factory=dict)
    allows: dict[int, PutAllow] = field(default_factory=dict)
    statuses: dict[int, PutStatus] = field(default_factory=dict)
    files: dict[tuple[int, int], PutFile] = field(default_factory=dict)
    time: PutTime = field(default_factory=lambda: PutTime(0, 0))
    mark: storage.Mark = field(default_factory=lambda: storage.Mark(""))
    marks: dict[tuple[int, int], PutMark] = field(default_factory=dict)
    uploads: dict[tuple[int, str], PutUpload] = field(default_factory=dict)
    hooks: dict[int, PutHook] = field(default_factory=dict)
    hook_keys: dict[tuple[int, bytes], PutHookKey] = field(default_factory=dict)
    edits: dict[tuple[int, int, int], PutEdit] = field(default_factory=dict)
    reactions: dict[tuple[int, int, int, str], PutReaction] = field(default_factory=dict)
    replies: dict[tuple[int, int], PutReply] = field(default_factory=dict)
    pins: dict[tuple[int, int], PutPin] = field(default_factory=dict)
    tallies: dict[tuple[int, int], PutTally] = field(default_factory=dict)
    mentions: dict[tuple[int, int, int], PutMention] = field(default_factory=dict)
    threads: dict[tuple[int, int, int], PutThread] = field(default_factory=dict)
    cursors: dict[tuple[int, int], PutCursor] = field(default_factory=dict)
    events: dict[int, dict[int, bytes]] = field(default_factory=dict)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    def load(self) -> storage.Snapshot:
        """Return the committed state."""
        rooms = [
            storage.stored_room(room, self._last(room.id), self.emptied.get(room.id))
            for room in self.rooms.values()
        ]
        tallies: list[PutTally] = []
        untallied: dict[int, int] = {}
        for one in rooms:
            log, first = one.room.id, one.room.first
            known = {row.seq: row for row in self.tallies.values() if row.room == log}
            rows, lacks = completed(log, first, max(one.head, first - 1), known, self._counted)
            tallies += rows
            if lacks:
                untallied[log] = lacks
        loaded: dict[type[Any], Sequence[Any]] = {
            kind: list(self._of(kind).values()) for kind in storage.LOADED if kind is not PutRoom
        }
        direct = {room.id for room in self.rooms.values() if room.name.startswith(USER_SIGN)}
        loaded[PutMember] = [row for row in self.members.values() if row.room in direct]
        return storage.Snapshot(
            self.server,
            rooms,
            loaded,
            *crowds_of(row for row in self.members.values() if row.room not in direct),
            self.last_session,
            self.last_user,
            self.time,
            tallies,
            untallied,
            self._unread_replies(),
            "salts",
            self.mark,
        )

    def _of(self, kind: type[Change]) -> dict[Any, Any]:
        """Return the rows of that kind, by what names each."""
        rows: dict[Any, Any] = getattr(self, _TABLE_OF[kind].name)
        return rows

    def _unread_replies(self) -> list[tuple[int, int, int]]:
        read: dict[tuple[int, int], int] = {}
        for row in self.threads.values():
            member = self.members.get((row.room, row.user))
            if member is not None:
                mark = max(row.read, member.read)
                read[row.room, row.seq] = min(read.get((row.room, row.seq), mark), mark)
        replies = sorted((row.room, row.thread, row.seq) for row in self.replies.values())
        return [one for one in replies if one[2] > read.get(one[:2], one[2])]

    def _counted(self, log: int, first: int, last: int) -> list[int]:
        kept = self.events.get(log, {})
        return [seq for seq in range(first, last + 1) if known_kind_of(kept.get(seq, b"")) in COUNTED]

    def _last(self, log: int) -> tuple[int, int, str] | None:
        kept = self.events.get(log, {})
        head = max(kept, default=0)
        if not head:
            return None
        return head, known_time_of(kept[head]), known_check_of(kept[head])

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

    def size_of(self, log: int) -> int:
        """Return how many bytes the committed events of ``log`` take."""
        return sum(map(len, self.events.get(log, {}).values()))

    def look(
        self,
        log: int,
        wanted: Wanted,
        user: int,
        done: Callable[[Looked | storage.StoreError], None],
    ) -> None:
        """Hand out committed events with what became of them."""
        if self.unreadable is not None:
            done(storage.StoreError(str(self.unreadable)))
        else:
            done(self._look(log, wanted, user))

    def _look(self, log: int, wanted: Wanted, user: int) -> Looked:
        kept = self.events.get(log, {})
        replies = {row.seq: row for row in self.replies.values() if row.room == log}
        pins = {row.seq for row in self.pins.values() if row.room == log}
        if isinstance(wanted, Range):
            order = range(wanted.first, wanted.last + 1)[:: -1 if wanted.newest else 1]
            if wanted.thread:
                thread = {row.seq for row in replies.values() if row.thread == wanted.thread}
                wishes = [seq for seq in order if seq == wanted.thread or seq in thread]
            else:
                wishes = list(takewhile(kept.__contains__, order))
            wishes = wishes[: wanted.limit]
        elif isinstance(wanted, Pinned):
            wishes = sorted(seq for seq in pins if wanted.first <= seq <= wanted.last)
        else:
            wishes = sorted(set(wanted))
        last_edits = {row.seq: row.by for row in sorted(self.edits.values()) if row.room == log}

        def found(some: Iterable[int]) -> Iterator[Found]:
            return (
                Found(seq, kept[seq], kept.get(last_edits.get(seq, 0), b"")) for seq in some if seq in kept
            )

        seqs, rest = within(found(wishes), PAGE_BYTES)
        reactions = [row for row in self.reactions.values() if row.room == log and row.seq in seqs]
        counts: dict[int, dict[str, int]] = {}
        for row in reactions:
            counts.setdefault(row.seq, {}).setdefault(row.emoji, 0)
            counts[row.seq][row.emoji] += 1
        threads = {
            seq: [row.seq for row in replies.values() if row.thread == seq]
            for seq in seqs
            if any(row.thread == seq for row in replies.values())
        }
        refs = {seq: replies[seq].ref for seq in seqs if seq in replies}
        quoted, _ = within(found(dict.fromkeys(refs.values())), QUOTED_BYTES)
        return Looked(
            at=max(kept, default=0),
            events={seq: kept[seq] for seq in seqs},
            edits={seq: one.edit for seq, one in (seqs | quoted).items() if one.edit},
            reactions=counts,
            mine=frozenset((row.seq, row.emoji) for row in reactions if row.user == user),
            threads={thread: (len(some), max(some)) for thread, some in threads.items()},
            refs=refs,
            quoted={seq: one.event for seq, one in quoted.items()},
            pins=frozenset(pins & seqs.keys()),
            rest=rest,
        )

    def facts(
        self,
        log: int,
        seq: int,
        user: int,
        whole: bool,
        done: Callable[[Facts | storage.StoreError], None],
    ) -> None:
        """Hand out what is known of an event."""
        if self.unreadable is not None:
            done(storage.StoreError(str(self.unreadable)))
            return
        kept = self.events.get(log, {})
        looked = self._look(log, (seq,), user)
        edits = sorted(row.by for row in self.edits.values() if (row.room, row.seq) == (log, seq))
        mine = frozenset(emoji for _, emoji in looked.mine)
        edits_kept = {by: kept[by] for by in edits if by in kept} if whole else dict.fromkeys(edits, b"")
        done(Facts(log, seq, kept.get(seq, b""), edits_kept, looked.reactions.get(seq, {}), mine))

    def search(
        self,
        query: Query,
        scopes: Sequence[storage.Scope],
        before: storage.Position | None,
        limit: int,
        done: Callable[[storage.HitPage | storage.StoreError], None],
    ) -> None:
        """Look at all events, one after the other."""
        if self.unreadable is not None:
            done(storage.StoreError(str(self.unreadable)))
            return
        hits = []
        for log, first, last in scopes:
            for seq, stored in self.events.get(log, {}).items():
                said = said_in(text_of(stored))
                if not (first <= seq <= last and isinstance(said, Said)):
                    continue
                by = max((row.by for row in self.edits.values() if row[:2] == (log, seq)), default=0)
                edit = said_in(text_of(self.events[log].get(by, b"")))
                if isinstance(edit, Edit):
                    said = said._replace(text=edit.text)
                if means(query, said):
                    edited = self.events[log][by] if isinstance(edit, Edit) else b""
                    hits.append(storage.Hit(storage.Position(said.ts, log, seq), stored, edited))
        hits = [hit for hit in sorted(hits, reverse=True) if before is None or hit.place < before]
        rest = hits[limit - 1].place if len(hits) > limit else None
        done(storage.HitPage(hits[:limit], rest))

    def space(self, done: Callable[[storage.Space | storage.StoreError], None]) -> None:
        """Take no room."""
        done(storage.Space(0, 0, 0))

    def vacuum(self, done: Callable[[storage.Space | storage.StoreError], None]) -> None:
        """Have nothing to give back."""
        done(storage.Space(0, 0, 0))

    def close(self) -> bool:
        """Do nothing: there are no files."""
        return True

    def beat(self, done: Callable[[], None]) -> None:
        """Call ``done`` when what was handed in before is committed."""
        if self.held:
            self._waiting.append(done)
        else:
            done()

    def _commit(self, changes: storage.Changes) -> Exception | None:
        if self.failing is not None:
            return self.failing
        self.commits += 1
        for change in changes.others:
            self._write(change)
        for log, first, frames in changes.events:
            self.events.setdefault(log, {}).update(enumerate(frames, first))
        for last, session in changes.sends:
            if session in self.sessions:  # the same batch may have ended it
                self.sessions[session] = self.sessions[session]._replace(last=last)
        self.mark = changes.mark or self.mark
        return None

    def _write(self, change: Change) -> None:
        if isinstance(change, PutTime):
            self.time = change
        elif isinstance(change, Trim):
            kept = self.events.get(change.room, {})
            self.events[change.room] = {seq: frame for seq, frame in kept.items() if seq >= change.first}
        elif isinstance(change, Erase):
            kept = self.events.get(change.room, {})
            if change.seq in kept:
                kept[change.seq] = change.stored
        else:
            table = _TABLE_OF[type(change)]
            rows = self._of(table.put)
            if type(change) is table.put:
                self._put(table, rows, change)
            elif type(change) is table.drop:
                self._drop(table, rows, change)
            elif type(change) is table.drop_all:
                fields = change._asdict().items()
                for key in [key for key, row in rows.items() if fields <= row._asdict().items()]:
                    del rows[key]
            else:
                same, below = tuple(change)
                for key in [key for key, row in rows.items() if row.room == same and row.seq < below]:
                    del rows[key]

    def _put(self, table: storage.Table, rows: dict[Any, Any], row: Change) -> None:
        if isinstance(row, PutSession):
            self.last_session = max(self.last_session, row.id)
        key = _key(table, row)
        known = rows.get(key)
        new = {field: getattr(row, field) for field in table.mutable}
        rows[key] = row if known is None else known._replace(**new)

    def _drop(self, table: storage.Table, rows: dict[Any, Any], change: Change) -> None:
        row = rows.pop(_key(table, change), None)
        if isinstance(row, PutUser):
            self.last_user = max(self.last_user, row.id)


def _key(table: storage.Table, change: Change) -> Any:
    """Return what names the row that ``change`` is about."""
    return change[0] if table.key == 1 else tuple(change[: table.key])


_TABLE_OF: Final = {
    kind: table
    for table in storage.TABLES
    for kind in (table.put, table.drop, table.drop_all, table.drop_below)
    if kind
}
