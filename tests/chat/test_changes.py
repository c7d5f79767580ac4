"""Changes: what is taken back was never there, and what is loaded is what was in memory."""

from collections import Counter

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.chat.acts import DELETION
from chatd.chat.changes.applying import apply, load, undo
from chatd.chat.changes.inverses import NOTHING
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import (
    Change,
    DropAct,
    DropAddressBan,
    DropAllow,
    DropBlock,
    DropCertificate,
    DropCursor,
    DropCursors,
    DropCursorsBelow,
    DropEdit,
    DropEdits,
    DropEditsBelow,
    DropErasure,
    DropFile,
    DropFiles,
    DropHook,
    DropHookKey,
    DropHookKeys,
    DropInvite,
    DropMark,
    DropMarks,
    DropMember,
    DropMention,
    DropMentions,
    DropMetadata,
    DropPin,
    DropPlace,
    DropReaction,
    DropReactions,
    DropReactionsBelow,
    DropRepliesBelow,
    DropReply,
    DropRoom,
    DropScram,
    DropSession,
    DropStatus,
    DropTallies,
    DropTally,
    DropThread,
    DropThreads,
    DropUpload,
    DropUser,
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
    Reword,
    Trim,
)
from chatd.chat.names import ROOM_SIGN, USER_SIGN
from chatd.chat.storage import TABLES, Changes, StoredRoom
from chatd.chat.unicode.skeleton import skeleton
from chatd.chat.world import World
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.stored import pack
from tests.examples import examples
from tests.helpers import come_in, sends

FEW = range(1, 4)
MANY = range(40)


def holders(twins):
    return ((looks, holder) for looks, several in twins._holders.items() for holder in several)


def picture(records):
    """Return all that is kept, as plain values; each thing is seen from every side."""
    rooms = records.rooms.values()
    shas = [str(n) * 64 for n in FEW]
    assert {room.log.id: room for room in rooms} == records.rooms_by_id
    assert records.acts == sum(what != DELETION for room in rooms for what, _ in room.acts)
    assert {session.id: session for session in records.sessions.values()} == records.sessions_by_id
    for user in records.users.values():
        acts = [(room, act) for room in rooms for act in room.acts.values() if act.user == user.id]
        invited = {(room, act.whom, act) for room, act in acts if act.what == "invite"}
        assert {(room, *one) for room, some in user.invited.items() for one in some.items()} == invited
        assert all(user.invited.values())
        assert set(user.sessions) == {
            session for session in records.sessions.values() if session.user is user
        }
        assert set(user.rooms) == {room for room in rooms if user in room.members and not room.direct}
        assert set(user.direct) == {room for room in rooms if user in room.members and room.direct}
        unread = {room for room in user.direct if room.members[user].read < room.log.last}
        assert unread <= set(user.unread) <= set(user.direct)
        assert user.begun == sum(room.begun_by == user.id for room in rooms)
        mine = {key for key, owner in records.nicks.items() if owner is user}
        assert mine == set(user.kept) | ({user.key} - {None})
    records.nick_order.sort()
    assert list(records.nick_order.behind("")) == sorted(records.nicks)
    looks = Counter()
    for user in records.users.values():
        names = [*user.kept, *user.shown.values()]
        names += [] if user.key is None else [user.key, user.nick]
        looks.update((skeleton(name), user) for name in names)
    assert Counter(holders(records.twins)) == looks
    assert Counter(holders(records.room_twins)) == Counter(
        (skeleton(r.name), r) for r in rooms if r.name.startswith(ROOM_SIGN)
    )
    return {
        "users": {user.row() for user in records.users.values()},
        "nicks": {key: user.id for key, user in records.nicks.items()},
        "accounts": {user.account for user in records.users.values() if user.account is not None},
        "kept": {key: (user.id, at) for user in records.users.values() for key, at in user.kept.items()},
        "shown": {user.id: dict(user.shown) for user in records.users.values()},
        "invites": dict(records.invites),
        "places": {user.id: dict(user.places) for user in records.users.values()},
        "certificates": {user.id: dict(user.certificates) for user in records.users.values()},
        "sessions": {session.row() for session in records.sessions.values()},
        "cursors": {session.id: dict(session.cursors) for session in records.sessions.values()},
        "rooms": {(room.row(), room.log.head, room.log.last) for room in rooms},
        "acts": {act for room in rooms for act in room.acts.values()},
        "needs": {room.name: (room.needs, room.strict) for room in rooms},
        "blocks": {(user.id, whom) for user in records.users.values() for whom in user.blocked},
        "statuses": set(records.statuses.values()),
        "status ends": {
            user.id: [records.statuses.of(user.id, at) for at in range(0, 90, 7)]
            for user in records.users.values()
        },
        "allows": {user.id: user.allow for user in records.users.values()},
        "invited": {(user.id, room.name) for user in records.users.values() for room in user.invited},
        "members": {room.member_row(user) for room in rooms for user in room.members},
        "files": {
            (room.name, seq, records.posted.find(room, seq, ""))
            for room in rooms
            for seq in records.posted.below(room, 1000)
        },
        "contents": {sha: {(r.name, seq) for r, seq in records.posted.newest(sha)} for sha in shas},
        "marks": {(log, seq) for log in FEW for seq in records.ages.below(log, 1000)},
        "ages": [records.ages.old(log, before) for log in FEW for before in range(90)],
        "mentions": {
            (room.name, whom, seq)
            for room in rooms
            if room.mentioned is not None
            for whom, seq in room.mentioned.below(1000)
        },
        "called": {
            (room.name, user): list(room.mentioned.of(user))
            for room in rooms
            if room.mentioned is not None
            for user in (0, *FEW)
        },
        "threads": {
            row for u in records.users.values() for rows in u.threads.values() for row in rows.values()
        },
        "replies": {
            (room.name, seq, after): (thread.above(after, 1000), set(thread.users))
            for room in rooms
            for seq, thread in room.threads.items()
            for after in (*FEW, *MANY)
        },
        "pins": {room.name: dict(room.pins) for room in rooms},
        "uploads": dict(records.uploads),
        "address bans": set(records.address_bans.values()),
        "erasures": dict(records.erasures),
        "scrams": dict(records.scrams),
        "metadata": {owner: dict(values) for owner, values in records.metadata.items()},
        "hooks": {number: (hook.row, dict(hook.keys)) for number, hook in records.hooks.items()},
        "secrets of hooks": {key: hook.row.id for key, hook in records.hooks_by_digest.items()},
        "time": records.time,
    }


def undecided(records):
    """Return what is about events and not durable yet."""
    logs = [room.log for room in records.rooms.values()]
    return {(log.id, seq): sorted(map(str, some)) for log in logs for seq, some in log.pending.items()}


def possible(records, kind, a, b, n):  # noqa: C901, PLR0912, PLR0915 - one case for each kind
    """Return the change that the numbers mean, None where it cannot be."""
    user, room = records.users.get(a), records.rooms_by_id.get(a)
    session = records.sessions_by_id.get(a)
    taken = records.nicks.get(str(n))
    both = room is not None and b in records.users
    posted = room is not None and n in records.posted.below(room, 1000)
    match kind:
        case "user" if taken in {None, user}:
            return PutUser(a, f"N{n}", str(n) if n else None)
        case "account" if user:
            return PutAccount(a, str(n % 3), b, 5, 1, n)
        case "nick" if user and user.account and taken in {None, user}:
            known = user.kept.get(str(n), n)  # it is put once, and shown in another way later
            return PutNick(str(n), a, f"N{b}" if b % 2 else "", known)
        case "invite":
            return PutInvite(b"%d" % a, 1, n, 9)
        case "drop invite" if b"%d" % a in records.invites:
            return DropInvite(b"%d" % a)
        case "certificate" if user and user.account:
            return PutCertificate(a, str(b), f"c{n}", n)
        case "drop certificate" if user and str(b) in user.certificates:
            return DropCertificate(a, str(b))
        case "scram" if user and user.account:
            return PutScram(a, str(n))
        case "drop scram" if a in records.scrams:
            return DropScram(a)
        case "metadata":
            return PutMetadata(str(a), str(b), str(n))
        case "drop metadata" if str(b) in records.metadata.get(str(a), {}):
            return DropMetadata(str(a), str(b))
        case "place" if user and user.account:
            return PutPlace(a, str(b), n)
        case "drop place" if user and str(b) in user.places:
            return DropPlace(a, str(b))
        case "drop user" if user and not (
            user.sessions or user.rooms or user.direct or user.begun or user.account or named(records, user)
        ):
            return DropUser(a)
        case "session" if session or b in records.users:
            return (
                session.row()._replace(seen=n, address=str(b), label=str(n))
                if session
                else PutSession(a, b, b"%d" % a, n, n)
            )
        case "drop session" if session:
            return DropSession(a)
        case "room" if room:
            rules = {"kind": ["public", "private", "read-only"][b % 3], "slow": n % 3, "archived": n % 2 == 0}
            name = room.name if room.direct else f"#{a}{n % 3}"
            return room.row()._replace(topic=str(n), name=name, posting=3 + b % 3, **rules)
        case "room" if n % 2 and b in records.users:
            return PutRoom(a, f"{USER_SIGN}{a}", "", 1, b)
        case "room":
            return PutRoom(a, f"#{a}", str(n), 1)
        case "drop room" if room and not (
            room.members or room.acts or room.log.head or posted_any(records, a)
        ):
            return DropRoom(a)
        case "member" if both:
            return PutMember(a, b, n, 3 + n % 3, n % 7)
        case "act" if both:
            return PutAct(a, ["ban", "mute", "invite"][n % 3], f"@{b}", b, n, "ann", "why")
        case "drop act" if room and room.acts:
            return DropAct(a, *list(room.acts)[n % len(room.acts)])
        case "block" if user:
            return PutBlock(a, b)
        case "drop block" if user and b in user.blocked:
            return DropBlock(a, b)
        case "allow" if user:
            return PutAllow(a, ["shared", "nobody"][n % 2])
        case "status" if user:
            return PutStatus(a, ["away", "busy"][n % 2], str(n), n)
        case "drop status" if user:
            return DropStatus(a)
        case "address ban":
            return PutAddressBan(f"10.0.0.{a}/32", b, n, "why")
        case "drop address ban" if f"10.0.0.{a}/32" in records.address_bans:
            return DropAddressBan(f"10.0.0.{a}/32")
        case "drop allow" if user and user.allow != "everybody":
            return DropAllow(a)
        case "drop member" if both and records.users[b] in room.members:
            return DropMember(a, b)
        case "file" if room and not posted and room.log.first <= n <= room.log.head:
            return PutFile(a, n, str(b) * 64, f"f{n}", n, "")
        case "drop file" if posted:
            return DropFile(a, n)
        case "edit" if room:
            return PutEdit(a, n, n + b)
        case "drop edit" if room:
            return DropEdit(a, n, n + b)
        case "drop edits" if room:
            return DropEdits(a, n)
        case "reaction" if room:
            return PutReaction(a, b, n, "🍵", n + 1)
        case "drop reaction" if room:
            return DropReaction(a, b, n, "🍵")
        case "drop reactions" if room:
            return DropReactions(a, n)
        case "reply" if room:
            return PutReply(a, n, b, b)
        case "drop reply" if room:
            return DropReply(a, n, b)
        case "thread" if both:
            return PutThread(a, b, n, n + a, a, n % 2 == 0)
        case "drop thread" if both and n in records.users[b].threads.get(a, {}):
            return DropThread(a, b, n)
        case "cursor" if session:
            return PutCursor(a, b, n)
        case "drop cursor" if session and b in session.cursors:
            return DropCursor(a, b)
        case "drop cursors" if session:
            return DropCursors(a)
        case "pin" if room:
            return PutPin(a, n, n + b)
        case "tally" if room:
            return PutTally(a, 0, n, b"%d" % b)
        case "drop tally" if room:
            return DropTally(a, n)
        case "mention" if both and n not in mentions_of(room, b):
            return PutMention(a, b if n % 3 else -b, n)
        case "drop mention" if both and n in mentions_of(room, b):
            return DropMention(a, b if n % 3 else -b, n)
        case "drop pin" if room and n in room.pins:
            return DropPin(a, n)
        case "erasure" if user:
            return PutErasure(a, b, n, "")
        case "drop erasure" if a in records.erasures:
            return DropErasure(a)
        case "erase" if room and room.log.first <= n <= room.log.head:
            return Erase(a, n, room.log.head, b"%d" % b)
        case "reword" if room and room.log.first <= n <= room.log.head:
            return Reword(a, n, room.log.head, b"%d" % b)
        case "trim" if room and n < room.log.head:
            return room.row()._replace(first=max(n + 1, room.log.first))
        case "emptied" if room:
            return PutEmptied(a, n, n, "")
        case "mark":
            return PutMark(a, n, 2 * n + b % 2)
        case "drop mark" if n in records.ages.below(a, 1000):
            return DropMark(a, n)
        case "drop marks":
            return DropMarks(a, n)
        case "upload":
            return PutUpload(a, str(b) * 64, n)
        case "drop upload" if (a, str(b) * 64) in records.uploads:
            return DropUpload(a, str(b) * 64)
        case "hook":
            known = records.hooks.get(a)
            made = PutHook(a, b, f"h{a}", 0, b"%d" % a if a % 2 else b"", "" if a % 2 else "u", "", "ann", 7)
            return (known.row if known else made)._replace(cursor=n, failing=n % 3, off=n % 2)
        case "drop hook" if a in records.hooks and not records.hooks[a].keys:
            return DropHook(a)
        case "hook key" if a in records.hooks and b"%d" % n not in records.hooks[a].keys:
            return PutHookKey(a, b"%d" % n, n, b)
        case "drop hook key" if a in records.hooks and b"%d" % n in records.hooks[a].keys:
            return DropHookKey(a, b"%d" % n)
        case "drop hook keys" if a in records.hooks:
            return DropHookKeys(a)
        case "time":
            return PutTime(n, a)
    return None


def mentions_of(room, user):
    """Return the events that mention ``user``, or everybody but ``user``."""
    below = [] if room.mentioned is None else room.mentioned.below(1000)
    return {seq for whom, seq in below if abs(whom) == user}


def named(records, user):
    """Return whether anything speaks of ``user`` that goes before users do, who have ids of their own."""
    acts = [act for room in records.rooms.values() for act in room.acts.values()]
    return (
        user.blocked
        or records.statuses.known(user.id)
        or user.allow != "everybody"
        or any(act.user == user.id for act in acts)
    )


def posted_any(records, room):
    return bool(records.ages.below(room, 1000) or records.posted.below(records.rooms_by_id[room], 1000))


KINDS = {
    PutUser: "user",
    DropUser: "drop user",
    PutAccount: "account",
    PutNick: "nick",
    PutInvite: "invite",
    DropInvite: "drop invite",
    PutPlace: "place",
    DropPlace: "drop place",
    PutCertificate: "certificate",
    DropCertificate: "drop certificate",
    PutSession: "session",
    DropSession: "drop session",
    PutRoom: "room",
    DropRoom: "drop room",
    PutAct: "act",
    DropAct: "drop act",
    PutBlock: "block",
    DropBlock: "drop block",
    PutAllow: "allow",
    DropAllow: "drop allow",
    PutStatus: "status",
    DropStatus: "drop status",
    PutAddressBan: "address ban",
    DropAddressBan: "drop address ban",
    PutMember: "member",
    DropMember: "drop member",
    PutFile: "file",
    DropFile: "drop file",
    PutEdit: "edit",
    DropEdit: "drop edit",
    DropEdits: "drop edits",
    PutReaction: "reaction",
    DropReaction: "drop reaction",
    DropReactions: "drop reactions",
    PutReply: "reply",
    DropReply: "drop reply",
    PutThread: "thread",
    DropThread: "drop thread",
    PutPin: "pin",
    PutTally: "tally",
    DropTally: "drop tally",
    PutMention: "mention",
    DropMention: "drop mention",
    DropPin: "drop pin",
    Erase: "erase",
    Reword: "reword",
    PutScram: "scram",
    DropScram: "drop scram",
    PutMetadata: "metadata",
    DropMetadata: "drop metadata",
    PutErasure: "erasure",
    DropErasure: "drop erasure",
    Trim: "trim",
    PutEmptied: "emptied",
    PutMark: "mark",
    DropMark: "drop mark",
    DropMarks: "drop marks",
    PutUpload: "upload",
    DropUpload: "drop upload",
    PutHook: "hook",
    DropHook: "drop hook",
    PutHookKey: "hook key",
    DropHookKey: "drop hook key",
    DropHookKeys: "drop hook keys",
    PutCursor: "cursor",
    DropCursor: "drop cursor",
    DropCursors: "drop cursors",
    PutTime: "time",
}
moves = st.lists(
    st.tuples(
        st.sampled_from(list(KINDS.values())),
        st.sampled_from(FEW),
        st.sampled_from(FEW),
        st.sampled_from(MANY),
    ),
    max_size=60,
)


BEGINNING = [
    PutUser(1, "N1", "1"),
    PutUser(2, "N2", "2"),
    PutSession(1, 1, b"1", 0, 3),
    PutRoom(3, "#long", "", 1),
    PutMember(3, 1, 5),
    PutFile(3, 9, "1" * 64, "f9", 9, ""),
]
"""What there is at first; the log is long, so that there is something to post and to cut."""


def begin():
    records = Records()
    for change in BEGINNING:
        apply(records, StoredRoom(change, 30, 7) if isinstance(change, PutRoom) else change)
    return records


def make(records, move):
    """Make what ``move`` means; return the changes, each with its inverse, none where it cannot be."""
    change = possible(records, *move)
    changes = [] if change is None else [change]
    if move[0] == "trim" and change is not None:
        changes += [kind(change.id, change.first) for kind in BELOW]
    return [(change, apply(records, change)) for change in changes]


BELOW = (
    Trim,
    DropFiles,
    DropEditsBelow,
    DropReactionsBelow,
    DropRepliesBelow,
    DropTallies,
    DropMentions,
    DropThreads,
    DropCursorsBelow,
)
"""What is dropped with the oldest events of a room."""


def test_every_kind_of_change_is_among_the_moves():
    kinds = {kind for t in TABLES for kind in (t.put, t.drop, t.drop_all, t.drop_below) if kind}
    assert {*KINDS, *BELOW} == kinds | {Trim, Erase, Reword, PutTime} == set(Change.__args__)


@settings(max_examples=examples(300))
@given(moves, moves)
def test_what_is_taken_back_was_never_there(before, after):
    records = begin()
    for move in before:
        make(records, move)
    known, pending = picture(records), undecided(records)
    people, devices = set(records.users.values()), set(records.sessions.values())
    made = [entry for move in after for entry in make(records, move)]
    undo(records, (inverse for _, inverse in made))
    assert picture(records) == known
    assert undecided(records) == pending
    assert set(records.users.values()) == people, "others may hold these very objects"
    assert set(records.sessions.values()) == devices


@settings(max_examples=examples(300))
@given(moves)
def test_each_inverse_has_an_inverse(steps):
    """Nothing depends on which way the changes go: what was taken back can be made again."""
    records = begin()
    for move in steps:
        for _, inverse in make(records, move):
            after = picture(records)
            again = apply(records, inverse)
            apply(records, again)
            assert picture(records) == after


@settings(max_examples=examples(300))
@given(moves)
def test_what_was_stored_is_loaded_as_it_was(steps):
    records, store = begin(), MemoryStore()
    frames = pack([m.Event(room="#long", seq=seq, ts=7, kind="message", by="ann") for seq in range(1, 31)])
    store.append(Changes([(3, 1, frames)], others=BEGINNING), lambda error: error)
    for move in steps:
        store.append(Changes(others=[change for change, _ in make(records, move)]), lambda error: error)
    loaded = Records()
    load(loaded, store.load())
    assert picture(loaded) == picture(records)


def test_what_changes_nothing_in_memory():
    records = begin()
    assert apply(records, Trim(3, 9)) is NOTHING
    assert apply(records, NOTHING) == NOTHING


NICKS = ["ann", "ben", "cem"]
WHO = st.integers(0, len(NICKS) - 1)
ROOM = st.sampled_from(["#a", "#b", "@ann", "@ben", "@cem"])
LIFE = st.lists(
    st.one_of(
        st.tuples(st.just("join"), WHO, ROOM),
        st.tuples(st.just("leave"), WHO, ROOM),
        st.tuples(st.just("send"), WHO, ROOM),
        st.tuples(st.just("topic"), WHO, ROOM),
        st.tuples(st.just("remove"), WHO, ROOM),
        st.tuples(st.just("read"), WHO, ROOM),
        st.tuples(st.just("nick"), WHO, st.sampled_from(["eve", "ANN", "ben"])),
        st.tuples(st.just("forget"), WHO, ROOM),
        st.tuples(st.just("come"), WHO, ROOM),
        st.tuples(st.just("trim"), WHO, ROOM),
        st.tuples(st.just("mark"), WHO, ROOM),
        st.tuples(st.just("disk"), WHO, st.sampled_from(["full", "well", "well", "slow"])),
    ),
    max_size=40,
)


class Life:
    """A daemon, three people, and a disk that fails now and then."""

    def __init__(self):
        self.playground = Playground()
        self.playground.start_server()
        self.talkers = [come_in(self.playground, nick) for nick in NICKS]
        self.playground.advance()
        self.sent = [0] * len(NICKS)

    def step(self, what, who, word):
        hub, talker = self.playground.server.hub, self.talkers[who]
        room = hub.world.rooms.get(word)
        if what == "disk":
            self.disk(word)
        elif what == "come":
            self.talkers[who] = come_in(self.playground, f"{NICKS[who]}{len(hub.world.users)}")
            self.sent[who] = 0
        elif what == "trim" and room is not None:
            hub.trim(room, room.log.head - who)
        elif what == "mark" and room is not None:
            hub.mark(room, 0)
        elif talker.lost is None:
            talker.say(*self.words(what, who, word))
        self.playground.advance()

    def words(self, what, who, word):
        if what == "send":
            self.sent[who] += 1
            return sends(word, "hello", n=self.sent[who])
        return {
            "join": [m.Join(id=1, room=word)],
            "leave": [m.Leave(id=2, room=word)],
            "topic": [m.Topic(id=3, room=word, text=f"tea {who}")],
            "remove": [m.Remove(id=6, room=word, seq=2 + who)],
            "read": [m.Read(id=4, room=word, seq=1)],
            "nick": [m.Nick(id=5, nick=word)],
            "forget": [m.Goodbye(reason="done", forget=True)],
        }.get(what, [])

    def disk(self, how):
        store = self.playground.store
        store.failing = OSError("disk full") if how == "full" else None
        store.held = how == "slow"
        if not store.held:
            store.release()

    def settle(self):
        """Let the disk be well and everybody go, so that all is written that is known."""
        self.disk("well")
        for connection in list(self.playground.server.connections):
            connection.transport.abortConnection()
        self.playground.advance()


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@example([("disk", 0, "slow"), ("join", 0, "#a"), ("send", 0, "#a"), ("forget", 0, "#a")])
@given(LIFE)
def test_the_world_that_is_loaded_is_the_one_that_was_in_memory(steps):
    life = Life()
    for step in steps:
        life.step(*step)
    life.settle()
    world = life.playground.server.hub.world
    loaded = World(life.playground.store.load(), world.terms)
    assert picture(loaded) == picture(world)
