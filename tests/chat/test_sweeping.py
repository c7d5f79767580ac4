"""Removing very many: no turn is long, and whoever is banned counts as removed at once."""

import pytest

from chatd.chat import sweeping
from chatd.chat.acts import BAN
from chatd.chat.rules import Kind
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import come_in, restart, sends

BAN_ALL = m.Ban(id=5, room="#tea", whom="127.0.1.0/24", reason="noise")
DELETE = m.DeleteRoom(id=5, room="#tea", reason="over")
AT_ONCE = 3
CROWD = [f"n{number}" for number in range(30)]


class Hall:
    """Ann owns #tea, where a crowd from 127.0.1.0/24 is; ben comes from elsewhere."""

    def __init__(self):
        self.playground = Playground()
        self.playground.start_server()
        join = m.Join(id=1, room="#tea")
        self.ann, self.ben = (self.enter(nick, "127.0.0.1", join) for nick in ("ann", "ben"))
        self.crowd = {nick: self.enter(nick, f"127.0.1.{at}", join) for at, nick in enumerate(CROWD)}
        self.posted = []
        self._count_commits()

    def _count_commits(self):
        append = self.playground.store.append

        def counted(changes, done):
            self.posted.append(sum(len(events) for _, _, events in changes.events))
            append(changes, done)

        self.playground.store.append = counted

    @property
    def tea(self):
        return self.playground.server.hub.world.rooms["#tea"]

    def enter(self, nick, host, *more, **fields):
        talker = come_in(self.playground, nick, *more, **fields)
        newest = max(self.playground.server.connections, key=lambda one: one.number)
        newest.peer_host = host
        self.playground.server.hub.change(newest.session.row()._replace(address=host))
        self.playground.advance()
        return talker

    def do(self, talker, *messages):
        """Say it; let one commit pass."""
        talker.say(*messages)
        self.playground.advance()
        self.playground.store.release(1)
        self.playground.advance()

    def hold(self):
        self.playground.store.held = True

    def finish(self):
        self.playground.store.held = False
        self.playground.store.release()
        self.playground.advance(2)


@pytest.fixture
def hall(monkeypatch):
    monkeypatch.setattr("chatd.chat.sweeping.AT_ONCE", AT_ONCE)
    return Hall()


def members(hall):
    return {user.nick for user in hall.tea.members}


def last_event(talker):
    return talker.of(m.Event)[-1]


def test_a_few_are_removed_in_each_commit_and_nobody_banned_hears_what_comes_behind(hall):
    hall.hold()
    hall.do(hall.ann, BAN_ALL, *sends("#tea", "behind the ban"))
    assert len(members(hall)) > 3
    hall.do(hall.ben, *sends("#tea", "and this"))
    banned = next(event for event in hall.ben.of(m.Event) if event.kind == "ban")
    hall.finish()
    assert members(hall) == {"ann", "ben"}
    assert max(hall.posted) <= 2 * AT_ONCE + 2
    kicked = [event.whom for event in hall.ben.of(m.Event) if event.kind == "kick"]
    assert sorted(kicked) == sorted(CROWD)
    assert hall.ben.seqs("#tea") == list(range(hall.ben.seqs("#tea")[0], hall.tea.log.head + 1))
    for talker in hall.crowd.values():
        assert not talker.texts()
        assert len(talker.of(m.Left)) == 1
        assert last_event(talker).seq <= banned.seq + AT_ONCE
    assert hall.tea.log.bounds is None
    assert not hall.tea.sweeps
    assert hall.tea.acts[BAN, "127.0.1.0/24"].user == 0


def test_whoever_is_banned_says_nothing_more_and_reads_nothing(hall):
    hall.hold()
    hall.do(hall.ann, BAN_ALL)
    left = sorted(members(hall) - {"ann", "ben"})
    for nick in left[:2]:
        hall.crowd[nick].say(
            *sends("#tea", "not me"), m.History(id=7, room="#tea"), m.Nick(id=8, nick=f"{nick}x")
        )
    hall.crowd[left[2]].say(m.Join(id=7, room="#tea", after=1))
    hall.finish()
    assert not hall.ben.texts()
    codes = {error.code for nick in left[:3] for error in hall.crowd[nick].of(m.Error)}
    assert codes == {Code.BANNED}
    assert not [event for event in hall.ben.of(m.Event) if event.kind == "nick"]
    assert members(hall) == {"ann", "ben"}


def test_whoever_lags_gets_no_further_than_the_ban_although_all_is_over(hall):
    slow = hall.crowd[CROWD[-1]]
    slow.transport.pauseProducing()
    for _ in range(6):
        hall.do(hall.ann, *sends("#tea", *["x" * 1000] * 100, n=1 + 100 * _))
    hall.do(hall.ann, BAN_ALL, *sends("#tea", "behind", n=601))
    hall.finish()
    hall.do(hall.ann, *sends("#tea", "far behind", n=602))
    slow.transport.resumeProducing()
    hall.playground.advance(2)
    assert len(slow.texts()) == 600
    assert len(slow.of(m.Left)) == 1


def test_what_could_not_be_stored_is_done_later(hall):
    hall.hold()
    hall.do(hall.ann, BAN_ALL)
    hall.playground.store.failing = OSError("disk full")
    hall.finish()
    hall.playground.advance(5)
    assert len(members(hall)) > 3
    hall.playground.store.failing = None
    hall.do(hall.ben, *sends("#tea", "still here"))
    hall.playground.advance(5)
    assert members(hall) == {"ann", "ben"}
    assert all(not talker.texts() for talker in hall.crowd.values())


def test_a_ban_that_could_not_be_stored_removes_nobody(hall):
    hall.playground.store.failing = OSError("disk full")
    hall.do(hall.ann, BAN_ALL)
    hall.playground.store.failing = None
    hall.do(hall.ben, *sends("#tea", "all here"))
    hall.playground.advance(5)
    assert len(members(hall)) == 32
    assert all(talker.texts() == ["all here"] for talker in hall.crowd.values())


def test_it_goes_on_after_a_crash(hall):
    hall.hold()
    hall.do(hall.ann, BAN_ALL)
    hall.playground.store.lose_power()
    hall.playground.store.held = False
    restart(hall.playground)
    assert len(members(hall)) > 3
    hall.playground.advance(5)
    assert members(hall) == {"ann", "ben"}
    assert hall.tea.acts[BAN, "127.0.1.0/24"].user == 0


def test_whoever_was_banned_is_removed_although_that_is_taken_back_and_may_come_again(hall):
    hall.hold()
    hall.do(hall.ann, BAN_ALL)
    nick = min(members(hall) - {"ann", "ben"})
    back = hall.crowd[nick]
    hall.do(hall.ann, m.Unban(id=6, room="#tea", whom="127.0.1.0/24"))
    back.say(m.Join(id=7, room="#tea"))
    hall.finish()
    hall.do(hall.ann, *sends("#tea", "welcome"))
    hall.playground.advance(5)
    assert members(hall) == {"ann", "ben", nick}
    assert {one for one, talker in hall.crowd.items() if talker.texts()} == {nick}
    assert not hall.tea.sweeps
    assert hall.tea.log.bounds is None


@pytest.mark.parametrize("crashes", [False, True])
def test_a_large_room_is_deleted_bit_by_bit(hall, crashes):
    tea = hall.tea
    hall.hold()
    hall.do(hall.ann, DELETE)
    assert tea.rules.kind == Kind.DELETED
    assert len(tea.members) > 3
    hall.ben.say(*sends("#tea", "too late"), m.ListRooms(id=9))
    if crashes:
        hall.playground.store.lose_power()
        hall.playground.store.held = False
        restart(hall.playground)
        hall.playground.advance(5)
        assert not any(user.rooms for user in hall.playground.server.hub.world.users.values())
        return
    hall.finish()
    assert not tea.members
    assert [error.code for error in hall.ben.of(m.Error)] == [Code.NO_SUCH_ROOM]
    for talker in (hall.ben, *hall.crowd.values()):
        assert last_event(talker).kind == "delete-room"
        assert len(talker.of(m.Left)) == 1
    hall.playground.advance(70)


def test_no_turn_is_long_whoever_is_in_the_room(monkeypatch):
    """Work is counted, not time: members that are looked at, and changes made, in each turn."""
    playground = Playground()
    server = playground.start_server()
    world = server.hub.world
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"))
    room = world.rooms["#tea"]
    for number in range(9000):
        user = world.add_user(f"n{number}")
        world.add_session(user, bytes([number % 256, number // 256])).address = f"127.0.{1 + number % 2}.1"
        world.add_member(room, user)
    server.hub.change()
    playground.advance()
    looked, turns = [0], []
    step = sweeping.step
    concerns = sweeping.Sweep.concerns

    def counted(self, user):
        looked[0] += 1
        return concerns(self, user)

    def one_step(world):
        turns.append(looked[0])
        looked[0] = 0
        return step(world)

    monkeypatch.setattr(sweeping.Sweep, "concerns", counted)
    monkeypatch.setattr("chatd.chat.sweeping.step", one_step)
    ann.say(BAN_ALL)
    playground.advance(5)
    assert len(room.members) == 4501
    assert max(turns) <= 2 * sweeping.LOOKED_AT
    assert len(turns) >= 4500 / sweeping.AT_ONCE
