"""What one machine decides, another one takes in: its world is the same, whatever people do and disks fail.

Each batch comes as the bytes of a record, so that nothing is shared but what these hold.
"""

from copy import deepcopy

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.chat.storage import Changes
from chatd.chat.taking import take_in
from chatd.chat.told import Told
from chatd.cluster.records import Record, decoded, encoded
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.chat.test_changes import NICKS, ROOM, WHO, Life, picture
from tests.examples import examples
from tests.helpers import ask, come_in


class Twin:
    """Another machine, which takes in what the server of ``playground`` decides from now on."""

    def __init__(self, playground: Playground) -> None:
        self.playground = Playground(store=deepcopy(playground.store))
        self.playground.start_server()
        self.world = self.playground.server.hub.world
        self.records: list[Record] = []
        commit = playground.store._commit

        def hear(changes: Changes) -> Exception | None:
            told = Told() if changes.told is None else changes.told()
            data = encoded(Record(1, 1, b"", 0, changes, told))
            error = commit(changes)
            if error is None:
                self.records.append(decoded(data))
            return error

        playground.store._commit = hear

    def take(self) -> None:
        """Take in what was decided since the last time."""
        for record in self.records:
            assert self.playground.store._commit(record.changes) is None
            batch = take_in(self.world, record.changes, record.told)
            self.playground.committer.publisher.committed(batch)
            batch.let_go()
            self.playground.committer._go_on()
        self.records.clear()
        self.playground.advance()


def seen(world):
    """Return what two machines must have alike, and what memory alone has of logs and of what is unread."""
    logs = {
        room.name: (
            room.log.ts,
            dict(room.log.pending),
            [room.log.check(seq) for seq in range(1, room.log.head + 1)],
            {user.id: room.state(user, room.log.head) for user in room.members},
            [user.id for user in room.owners],
        )
        for room in world.rooms.values()
    }
    order = {
        user.id: (sorted(room.name for room in user.rooms), sorted(room.name for room in user.direct))
        for user in world.users.values()
    }
    return picture(world), logs, order


def once(what):
    return st.tuples(st.just(what), WHO, ROOM)


ACTS = (
    *("join", "join", "leave", "topic", "remove", "read", "forget", "come", "come", "come", "trim", "mark"),
    *["send"] * 12,
    *("edit", "react", "unreact", "reply", "pin", "unpin", "mention", "direct", "kick", "ban", "unban"),
    *("mute", "invite", "owner", "moderator", "private", "since-join", "status", "thread", "block", "delete"),
)
STEPS = st.lists(
    st.one_of(
        st.sampled_from(ACTS).flatmap(once),
        st.tuples(st.just("nick"), WHO, st.sampled_from(["eve", "ANN", "ben"])),
        st.tuples(st.just("disk"), WHO, st.sampled_from(["full", "well", "well", "slow"])),
    ),
    max_size=60,
)


class Busy(Life):
    """A daemon whose people do whatever can be done."""

    def words(self, what, who, word):
        """Return what ``who`` says; numbers follow what the server has accepted."""
        number = next((one.session for one in self.talkers[who].heard if isinstance(one, m.Welcome)), 0)
        session = self.playground.server.hub.world.sessions_by_id.get(number)
        n = 1 if session is None else session.last + 1
        whom = NICKS[(who + 1) % 3]
        about = {"id": 9, "room": word}
        room = self.playground.server.hub.world.rooms.get(word)
        seq = 1 if room is None else max(1, room.log.head - who)
        words = {
            "send": [m.Send(n=n, text=f"hello {n}", **about)],
            "remove": [m.Remove(seq=seq, **about)],
            "edit": [m.Edit(n=n, seq=seq, text=f"better {n}", **about)],
            "react": [m.React(n=n, seq=seq, emoji="🍵", **about)],
            "unreact": [m.React(n=n, seq=seq, emoji="🍵", off=True, **about)],
            "reply": [m.Send(n=n, text="yes", ref=seq, **about)],
            "mention": [m.Send(n=n, text=f"hear @{whom} and @here", **about)],
            "direct": [m.Send(id=9, n=n, room=f"@{whom}", text="psst")],
            "pin": [m.Pin(seq=seq, **about)],
            "unpin": [m.Pin(seq=seq, off=True, **about)],
            "thread": [m.FollowThread(thread=seq, **about)],
            "kick": [m.Kick(whom=whom, **about)],
            "ban": [m.Ban(whom=whom, seconds=60, **about)],
            "unban": [m.Unban(whom=whom, **about)],
            "mute": [m.Mute(whom=whom, **about)],
            "invite": [m.InviteTo(whom=whom, **about)],
            "owner": [m.Role(whom=whom, role="owner", **about)],
            "moderator": [m.Role(whom=whom, role="moderator", **about)],
            "private": [m.Set(rule="kind", value="private", **about)],
            "since-join": [m.Set(rule="history", value="since-join", **about)],
            "status": [m.SetStatus(id=9, state="away", text="tea")],
            "block": [m.Block(id=9, whom=whom)],
            "delete": [m.DeleteRoom(**about)],
        }
        return words.get(what) or super().words(what, who, word)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@example([("disk", 0, "slow"), ("join", 0, "#a"), ("send", 0, "#a"), ("forget", 0, "#a")])
@example(
    [("join", 0, "#a"), ("join", 1, "#a"), *[("send", who, "#a") for who in (0, 1, 0, 1)], ("nick", 1, "eve")]
)
@given(STEPS)
def test_the_world_that_takes_in_is_the_one_that_decides(steps):
    life = Busy()
    twin = Twin(life.playground)
    for step in steps:
        life.step(*step)
        twin.take()
    life.settle()
    twin.take()
    assert seen(twin.world) == seen(life.playground.server.hub.world)


def test_whoever_takes_over_gives_no_id_that_was_given():
    life = Life()
    twin = Twin(life.playground)
    life.step("join", 0, "#a")
    come_in(life.playground, "dan")
    life.playground.advance()
    twin.take()
    ours, theirs = life.playground.server.hub.world, twin.world
    for ids in ("_user_ids", "_session_ids", "_room_ids"):
        assert getattr(theirs, ids).next() == getattr(ours, ids).next()


def heard_by(talker, *kinds):
    return [message for message in talker.heard if isinstance(message, kinds)]


def test_whoever_reads_on_another_machine_is_told_what_happens():
    one = Playground()
    one.start_server()
    ben, ann = come_in(one, "ben"), come_in(one, "ann")
    for talker in (ben, ann):
        ask(one, talker, m.Join(id=1, room="#tea"))
    twin = Twin(one)
    two = twin.playground
    reader = come_in(two, token=heard_by(ann, m.Welcome)[0].token)
    assert heard_by(reader, m.Welcome)[0].rooms[0].head == 2

    def both(talker, request):
        answer = ask(one, talker, request)
        twin.take()
        return answer

    for n in (1, 2, 3):
        both(ben, m.Send(id=2, n=n, room="#tea", text=f"hello {n}"))
    both(ben, m.Edit(id=3, n=4, room="#tea", seq=4, text="better"))
    both(ben, m.Remove(id=4, room="#tea", seq=3))
    assert [(event.seq, event.kind) for event in heard_by(reader, m.Event)[-5:]] == [
        *((3, "message"), (4, "message"), (5, "message"), (6, "edit"), (7, "remove"))
    ]
    assert heard_by(reader, m.Event)[-5:] == heard_by(ann, m.Event)[-5:]

    page = m.History(id=5, room="#tea", before=8, present=True)
    assert ask(two, reader, page) == ask(one, ann, page)

    both(ann, m.Join(id=6, room="#milk"))
    assert [room.room for rooms in heard_by(reader, m.Rooms) for room in rooms.rooms] == ["#milk"]
    both(ben, m.Join(id=7, room="#milk"))
    assert heard_by(reader, m.Event)[-1].by == "ben"

    both(ben, m.Send(id=8, n=5, room="@ann", text="psst"))
    assert heard_by(reader, m.Event)[-1].text == "psst"

    both(ben, m.Kick(id=9, room="#tea", whom="ann"))
    assert heard_by(reader, m.Event)[-1].kind == "kick"
    assert heard_by(reader, m.Left)[0].room == "#tea"
    before = len(reader.heard)
    both(ben, m.Send(id=10, n=6, room="#tea", text="without her"))
    assert len(reader.heard) == before
