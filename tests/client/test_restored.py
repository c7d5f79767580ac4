"""An older copy of the server's data is restored and grows: clients are told, and shown what is new, once."""

import copy

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatd.client.cli.text import restored_line
from chatd.client.core.notices import CursorForgotten, EventSeen, GapSeen, Lost, Restored
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from chatd.testing import Playground
from chatd.testing.network import MemoryEndpoint, Network
from chatd.wire.messages import Read
from tests.client.entering import MemoryWay, make_client, now
from tests.examples import examples


class BarredWay(MemoryWay):
    """A way that can be barred: then nobody is there."""

    open = True

    def endpoint(self, *how, **more):
        if self.open:
            return super().endpoint(*how, **more)
        return MemoryEndpoint(Network(self._world.clock))


class Life:
    """A server whose data can be copied and put back, somebody who talks, and a reader who comes and goes."""

    def __init__(self, **how):
        self.world = Playground()
        self.world.start_server()
        self.how = how
        self.talker = make_client(self.world, "ann", "#a")
        self.talker.start()
        self.wait()
        self.way = BarredWay(self.world)
        self.reader = make_client(self.world, "bob", "#a", way=self.way, **how)
        self.reader.start()
        self.wait()

    def wait(self, seconds=4.0):
        self.world.advance(seconds)

    def say(self, count, text="said"):
        for _ in range(count):
            now_or_later = self.talker.send("#a", text)
            self.world.advance(0.15)
            now(now_or_later)

    def flood(self, count, text):
        """Say much, and wait until it is said."""
        sent = [self.talker.send("#a", text) for _ in range(count)]
        while not sent[-1].called:
            self.wait(5)

    def restore_unseen(self, store, count):
        """Restore a copy and let it grow before the reader, which goes on running, comes back."""
        self.way.open = False
        self.restart(store)
        self.say(count, "new")
        self.way.open = True
        self.reader.reconnect()
        self.wait()

    def restart(self, store=None):
        self.world.crash_server()
        self.world.store = store or self.world.store
        self.world.start_server()
        self.wait(12)

    @property
    def backup(self):
        return copy.deepcopy(self.world.store)

    def log(self, room="#a"):
        """The seqs and texts of the log as the server has it now."""
        (number,) = [row.id for row in self.world.store.rooms.values() if row.name == room]
        return self.world.store.events[number]

    def heard(self, kind, since=0):
        return [notice for notice in self.reader.heard[since:] if isinstance(notice, kind)]


def texts(seen):
    return [(one.event.seq, one.event.kind, one.event.text) for one in seen]


def test_the_story_of_the_backup_at_five_and_the_reader_at_nine():
    life = Life()
    life.say(3, "common")  # two joins before: events 1 to 5
    backup = life.backup
    life.say(4, "lost")
    assert life.heard(EventSeen)[-1].event.seq == 9
    mark = len(life.reader.heard)
    life.restore_unseen(backup, 8)
    shown = texts(life.heard(EventSeen, mark))
    assert shown == [(seq, "message", "new") for seq in range(6, 14)]
    assert life.heard(Restored, mark) == [Restored("#a", "#a", 5, 9)]
    assert not life.heard(GapSeen, mark)
    mark = len(life.reader.heard)
    life.restart()
    life.say(1, "more")
    assert not life.heard(Restored, mark)
    assert texts(life.heard(EventSeen, mark)) == [(14, "message", "more")]


def test_a_fork_far_back_shows_next_to_nothing_again(tmp_path):
    life = Away(tmp_path)
    life.flood(100, "common")
    backup = life.backup
    life.flood(900, "lost")
    life.leave()
    life.restart(backup)
    life.flood(5, "new")
    life.come()
    (told,) = life.heard(Restored)
    shown = [one.event.text for one in life.heard(EventSeen)]
    again = shown.count("common")
    assert shown == ["common"] * again + ["new"] * 5
    assert again <= 900 // 16
    assert ("maybe some of what is not" in restored_line(told)) == told.again == bool(again)
    life.leave()
    life.come()
    assert not life.heard(EventSeen)
    assert not life.heard(Restored)


def slot_of(folder):
    return open_slot("p", origin_of(Options().server), "bob", "bob", folder=folder)


class Away(Life):
    """A reader that ends, and comes back as another process with the same profile."""

    passed = 0
    """The last event of a gap that the reader was told of."""

    def __init__(self, folder, **how):
        self.folder = folder
        super().__init__(slot=slot_of(folder), **how)

    def leave(self):
        self.reader.stop()
        self.wait(1)

    def come(self):
        self.reader = make_client(self.world, "bob", "#a", slot=slot_of(self.folder))
        self.reader.start()
        self.wait(5)
        return self.reader


def test_a_reader_that_was_away_is_told_from_its_profile(tmp_path):
    life = Away(tmp_path)
    life.say(3, "common")
    backup = life.backup
    life.say(4, "lost")
    life.leave()
    life.restart(backup)
    life.say(8, "new")
    life.come()
    assert life.heard(Restored) == [Restored("#a", "#a", 5, 9)]
    assert texts(life.heard(EventSeen)) == [(seq, "message", "new") for seq in range(6, 14)]
    life.leave()
    life.come()
    assert not life.heard(Restored)
    assert not life.heard(EventSeen)


def test_a_copy_that_has_not_grown_yet_is_told_once_and_what_comes_later_is_new(tmp_path):
    life = Away(tmp_path)
    life.say(3, "common")
    backup = life.backup
    life.say(4, "lost")
    life.leave()
    life.restart(backup)
    life.come()
    assert life.heard(Restored) == [Restored("#a", "#a", 5, 9)]
    assert not life.heard(EventSeen)
    assert not life.heard(CursorForgotten)
    life.say(2, "new")
    assert texts(life.heard(EventSeen)) == [(6, "message", "new"), (7, "message", "new")]
    life.restart()
    assert len(life.heard(Restored)) == 1


def test_a_session_from_after_the_backup_finds_its_place_by_its_join(tmp_path):
    world = Playground()
    world.start_server()
    ann = make_client(world, "ann", "#a")
    ann.start()
    world.advance(4)
    backup = copy.deepcopy(world.store)
    life = Away.__new__(Away)
    life.folder, life.world, life.talker = tmp_path, world, ann
    life.come()
    life.say(3, "lost")
    assert life.heard(EventSeen)[-1].event.seq == 5
    life.leave()
    life.restart(backup)
    life.say(7, "new")
    life.come()
    (told,) = life.heard(Restored)
    assert told.seen == 5
    shown = [one for one in texts(life.heard(EventSeen)) if one[1] == "message"]
    assert shown == [(seq, "message", "new") for seq in range(2, 9)]


def begin_late(before, **how):
    """Return a life whose reader came behind a backup, which is of ``before`` events; and that backup."""
    life = Life.__new__(Life)
    life.world = Playground()
    life.world.start_server()
    life.talker = make_client(life.world, "ann", "#a")
    life.talker.start()
    life.wait()
    life.say(before - 1, "old")
    backup = life.backup
    life.say(5, "lost")
    life.way = BarredWay(life.world)
    life.reader = make_client(life.world, "bob", "#a", way=life.way, **how)
    life.reader.start()
    life.wait()
    life.say(2, "seen")
    return life, backup


def test_a_program_that_follows_from_now_on_is_not_given_what_was_said_before_it_came():
    life, backup = begin_late(30, follow="listed")
    mark = len(life.reader.heard)
    life.restore_unseen(backup, 3)
    (told,) = life.heard(Restored, mark)
    assert (told.start, told.agreed) == (30, False)
    assert restored_line(told) == (
        "An older copy of #a was restored on the server, and nothing that was seen here is known to be left"
        " of it; what it has behind event 30 follows."
    )
    shown = [one for one in texts(life.heard(EventSeen, mark)) if one[1] == "message"]
    assert [text for _, _, text in shown] == ["new"] * 3
    assert not life.heard(GapSeen, mark)


@pytest.mark.parametrize("starts", [1, 2, 3])
def test_a_program_misses_nothing_however_often_the_daemon_is_started_behind_a_copy(starts):
    life, backup = begin_late(30, follow="listed")
    life.say(3, "seen too")
    mark = len(life.reader.heard)
    life.way.open = False
    life.world.advance(5)
    life.restart(backup)
    for number in range(1, starts):
        life.say(1, f"new {number}")
        life.restart()
    life.say(1, "new")
    life.way.open = True
    life.reader.reconnect()
    life.wait()
    shown = [one for one in texts(life.heard(EventSeen, mark)) if one[1] == "message"]
    assert [text for _, _, text in shown] == [*(f"new {number}" for number in range(1, starts)), "new"]


def test_a_program_that_has_seen_everything_goes_on_where_both_part():
    life, backup = begin_late(30, follow="listed", cursors={"#a": 0})
    life.say(3, "more")
    mark = len(life.reader.heard)
    life.restore_unseen(backup, 3)
    (told,) = life.heard(Restored, mark)
    assert told.agreed
    shown = [one for one in texts(life.heard(EventSeen, mark)) if one[1] == "message"]
    assert [text for _, _, text in shown] == ["new"] * 3


@pytest.mark.parametrize("follow", ["listed", "all"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_room_that_the_copy_does_not_have_is_told_like_one_that_others_made_again(follow, known, first):
    """Whoever comes back first makes the room; ``known`` is whether the copy has the reader's session."""
    life = Life.__new__(Life)
    life.world = Playground()
    life.world.start_server()
    backup = life.backup
    life.way = BarredWay(life.world)
    life.reader = make_client(life.world, "bob", *["#b"] * known, way=life.way, follow=follow)
    life.reader.start()
    life.wait()
    if known:
        backup = life.backup
    now_or_later = life.reader.join("#a")
    life.wait()
    now(now_or_later)
    life.talker = make_client(life.world, "ann", "#a")
    life.talker.start()
    life.wait()
    life.say(4, "lost")
    mark = len(life.reader.heard)
    if first:
        life.talker.stop()
        life.restart(backup)
        life.talker = make_client(life.world, "ann", "#a")
        life.talker.start()
        life.wait()
        life.say(2, "new")
    else:
        life.restore_unseen(backup, 2)
    told = [one for one in life.heard(Restored, mark) if one.room == "#a"]
    shown = [one.event.text for one in life.heard(EventSeen, mark) if one.event.kind == "message"]
    assert told == [Restored("#a", "#a", 0, 6, agreed=False)]
    assert shown == ["new"] * 2
    assert not life.heard(CursorForgotten, mark)


def test_read_marks_of_the_other_history_are_not_told():
    life = Life()
    life.say(3, "common")
    backup = life.backup
    life.say(4, "lost")
    ask = Read(id=0, room="#a", seq=9)
    life.way.open = False
    for connection in life.world.server.swept():
        connection.transport.abortConnection()
    life.wait(1)
    _, effects = life.reader._machine.orders.ask(ask, life.world.clock.seconds())
    life.reader._driver.feed(effects)
    life.restore_unseen(backup, 8)
    room = life.world.server.hub.world.rooms["#a"]
    marks = {user.nick: member.read for user, member in room.members.items()}
    assert marks["bob"] <= 5


@pytest.mark.parametrize("rounds", [1, 2])
def test_an_older_copy_within_an_older_copy(tmp_path, rounds):
    life = Away(tmp_path)
    life.say(2, "common")
    first = life.backup
    life.say(3, "one")
    second = life.backup
    life.say(2, "lost")
    for backup in (second, first)[:rounds]:
        life.leave()
        life.restart(backup)
        life.say(9, f"new {id(backup)}")
        life.come()
        assert len(life.heard(Restored)) == 1
        shown = life.heard(EventSeen)
        fork = 4 if backup is first else 7
        assert [one.event.seq for one in shown] == list(range(fork + 1, fork + 10))
        assert {one.event.text for one in shown} == {f"new {id(backup)}"}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 12)),
        st.tuples(st.just("backup"), st.just(0)),
        st.tuples(st.just("restore"), st.integers(0, 5)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("trim"), st.integers(1, 30)),
        st.tuples(st.just("visit"), st.just(0)),
    ),
    min_size=3,
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=examples(25),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes a second; it is short enough
    suppress_health_check=[HealthCheck.too_slow],
)
def test_of_any_histories_the_reader_sees_what_the_log_has_from_where_it_forks(steps, tmp_path_factory):
    """The model: what the reader has seen, as stored bytes; each visit brings what is new, and no more."""
    life = Away(tmp_path_factory.mktemp("life"))
    backups = [life.backup]
    seen = {}
    note(life, seen)
    life.leave()
    for step, number in steps:
        if step == "say":
            life.say(number, f"{life.world.clock.seconds()}")
        elif step == "backup":
            backups.append(life.backup)
        elif step == "restore":
            life.restart(copy.deepcopy(backups[number % len(backups)]))
        elif step == "restart":
            life.restart()
        elif step == "trim":
            room = life.world.server.hub.world.rooms["#a"]
            life.world.server.hub.trim(room, number)
            life.wait(1)
        else:
            visit(life, seen)
    visit(life, seen)


def note(life, seen):
    log = life.log()
    for one in life.heard(EventSeen):
        seen[one.event.seq] = log[one.event.seq]


def visit(life, seen):
    """Let the reader come and go; ``seen`` is what it was shown of the history that it knows."""
    log = life.log()
    first = life.world.server.hub.world.rooms["#a"].log.first
    head = life.world.server.hub.world.rooms["#a"].log.head
    forked = [seq for seq, stored in seen.items() if seq > head or (seq in log and log[seq] != stored)]
    life.come()
    told = life.heard(Restored)
    shown = [one.event.seq for one in life.heard(EventSeen)]
    cursor = max([life.passed, *seen])
    if not forked and cursor <= head:
        assert not told, "a false alarm"
        assert shown == list(range(max(cursor + 1, first), head + 1))
    else:
        assert len(told) == 1
        assert told[0].seen >= cursor
        new = [seq for seq in range(max(first, 2), head + 1) if log[seq] != seen.get(seq)]
        assert shown == new, "what is new is not what was shown"
    for seq in forked:
        del seen[seq]
    gaps = life.heard(GapSeen)
    assert all(gap.last < first for gap in gaps)
    life.passed = max([gap.last for gap in gaps], default=0 if told else life.passed)
    note(life, seen)
    life.leave()


def test_a_link_that_breaks_while_what_is_new_comes_shows_it_once(tmp_path):
    life = Away(tmp_path)
    life.say(20, "common")
    backup = life.backup
    life.say(4, "lost")
    life.leave()
    life.restart(backup)
    life.say(8, "new")
    life.come()
    assert not life.heard(Lost)
    life.restart()
    life.say(1, "last")
    assert [one.event.seq for one in life.heard(EventSeen)] == list(range(23, 32))
    assert len(life.heard(Restored)) == 1
