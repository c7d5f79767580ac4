"""One person has one order: what was entered first takes effect first, whatever the links do meanwhile."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chatd.client.core.notices import RoomClosed, SendRefused
from chatd.wire.errors import Code
from chatd.wire.messages import (
    Error,
    Goodbye,
    History,
    Join,
    Leave,
    ListRooms,
    Members,
    Nick,
    Ok,
    Read,
    Topic,
)
from tests.client.model import Conn, ModelServer, World
from tests.examples import examples


class StrictServer(ModelServer):
    """A server that lets members alone speak, and notes in ``effects`` what took effect, in order."""

    def __init__(self):
        super().__init__()
        self.effects = []
        self.topics = {}

    def connection(self):
        return StrictConn(self)


class StrictConn(Conn):
    def _member(self, room):
        return self.account.nick in self.server.members.get(room, ())

    def _refuse(self, request):
        self.say(Error(id=request.id, code=Code.NOT_A_MEMBER, text="no member"))

    def _join(self, join):
        fresh = not self._member(join.room)
        super()._join(join)
        if fresh:
            self.server.effects.append(("join", join.room))

    def _leave(self, leave):
        if not self._member(leave.room):
            self._refuse(leave)
            return
        self.server.members[leave.room].discard(self.account.nick)
        self.cursors.pop(leave.room, None)
        self.server.effects.append(("leave", leave.room))
        self.say(Ok(id=leave.id, room=leave.room))

    def _topic(self, topic):
        if not self._member(topic.room):
            self._refuse(topic)
            return
        if self.server.topics.get(topic.room) != topic.text:
            self.server.topics[topic.room] = topic.text
            self.server.effects.append(("topic", topic.room, topic.text))
            self.server.post(topic.room, self.account.nick, topic.text, "topic")
        self.say(Ok(id=topic.id, room=topic.room))

    def _nick(self, nick):
        if self.account.nick != nick.nick:
            for members in self.server.members.values():
                if self.account.nick in members:
                    members.discard(self.account.nick)
                    members.add(nick.nick)
            self.account.nick = nick.nick
            self.server.effects.append(("nick", nick.nick))
        self.say(Ok(id=nick.id))

    def _send(self, send):
        account = self.account
        if send.n == account.last + 1 and not self._member(send.room):
            self._refuse(send)
            return
        before = account.last
        super()._send(send)
        if account.last > before:
            self.server.effects.append(("text", send.room, send.text))


class Person:
    """Somebody who enters texts and commands into the machine of a world with a strict server."""

    def __init__(self, **how):
        self.world = World(StrictServer(), **how)
        self.count = 0

    def text(self, room="#a", kind="ok"):
        self.count += 1
        key, effects = self.world.machine.orders.queue(room, f"{kind} {self.count}", self.world.now)
        self.world.perform(effects)
        return key

    def ask(self, message):
        number, effects = self.world.machine.orders.ask(message, self.world.now)
        self.world.perform(effects)
        return number

    @property
    def heard(self):
        """What the present connection heard behind its greeting, by type."""
        return [type(message).__name__ for message in self.world.conn.heard[1:]]

    @property
    def effects(self):
        return self.world.server.effects


@pytest.fixture
def person():
    one = Person()
    one.world.settle(4)
    one.effects.clear()
    one.world.conn.heard[1:] = []
    return one


def leave(room="#a"):
    return Leave(id=0, room=room)


def join(room):
    return Join(id=0, room=room)


# ---- one by one -------------------------------------------------------------------------------------------


def test_a_leave_waits_for_the_text_before_it(person):
    person.text()
    number = person.ask(leave())
    person.text("#b")
    person.world.settle(4)
    assert person.effects == [("text", "#a", "ok 1"), ("leave", "#a")]
    assert isinstance(person.world.replies[number], Ok)
    (refused,) = person.world.said(SendRefused)
    assert refused.text == "ok 2"


@pytest.mark.parametrize(
    "command", [Topic(id=0, room="#a", text="t"), Nick(id=0, nick="bea"), leave(), join("#b")], ids=repr
)
def test_what_changes_something_waits_for_an_answer_to_the_text_before_it(person, command):
    person.text()
    person.world.flush()
    person.ask(command)
    person.world.carry_up()
    assert person.heard == ["Send"]
    person.world.step(2)
    assert person.heard == ["Send", type(command).__name__]


@pytest.mark.parametrize(
    "command", [Topic(id=0, room="#a", text="t"), Nick(id=0, nick="bea"), leave()], ids=repr
)
def test_a_text_waits_for_the_answer_to_what_was_entered_before_it(person, command):
    person.ask(command)
    person.text()
    person.world.flush()
    person.world.carry_up()
    assert person.heard == [type(command).__name__]
    person.world.step(2)
    assert person.heard == [type(command).__name__, "Send"]


def test_joins_and_the_texts_behind_them_take_one_round_trip(person):
    for room in ("#b", "#c"):
        person.ask(join(room))
        person.text(room)
    person.world.flush()
    person.world.carry_up()
    assert person.heard == ["Join", "Send"]
    person.world.step()
    assert person.heard == ["Join", "Send", "Join", "Send"]
    person.ask(join("#d"))
    person.ask(join("#e"))
    person.text("#e")
    person.world.flush()
    person.world.carry_up()
    assert person.heard[4:] == ["Join", "Join", "Send"]


def test_texts_alone_wait_for_nothing(person):
    for _ in range(5):
        person.text()
    person.world.flush()
    person.world.carry_up()
    assert person.heard == ["Send"] * 5


def test_looking_waits_for_what_was_changed_before_but_for_no_text(person):
    person.text()
    person.ask(History(id=0, room="#a"))
    person.ask(join("#b"))
    person.ask(Members(id=0, room="#b"))
    person.ask(ListRooms(id=0))
    person.ask(Read(id=0, room="#a", seq=1))
    person.world.flush()
    person.world.carry_up()
    assert person.heard == ["History", "Read", "Send"]
    person.world.step(2)
    assert person.heard == ["History", "Read", "Send", "Join", "Members", "ListRooms"]


def test_a_refused_text_that_turns_others_back_lets_no_command_pass_them(person):
    person.text(kind="bad")
    person.text()
    person.ask(leave())
    person.world.settle(4)
    assert person.effects == [("text", "#a", "ok 2"), ("leave", "#a")]


def test_a_command_waits_as_long_as_the_server_takes_no_texts(person):
    person.world.server.full = True
    person.text()
    person.ask(leave())
    for _ in range(20):
        person.world.step(2)
        person.world.wait(0.5)
    assert person.effects == []
    person.world.settle(10)
    assert person.effects == [("text", "#a", "ok 1"), ("leave", "#a")]


def test_a_text_that_is_taken_back_keeps_no_command(person):
    person.world.server.full = True
    key = person.text()
    person.ask(leave())
    person.world.step(2)
    person.world.perform(person.world.machine.orders.withdraw({key}))
    person.world.settle(6)
    assert person.effects == [("leave", "#a")]


def test_a_text_taken_back_before_it_was_on_its_way_keeps_no_command(person):
    person.ask(Topic(id=0, room="#a", text="t"))
    key = person.text()
    person.ask(leave())
    person.world.perform(person.world.machine.orders.withdraw({key}))
    person.world.settle(4)
    assert person.effects == [("topic", "#a", "t"), ("leave", "#a")]


def test_a_command_that_is_given_up_keeps_no_text(person):
    person.world.server.full = True
    person.text()
    number = person.ask(leave())
    person.text()
    person.world.step(2)
    person.world.perform(person.world.machine.orders.cancel(number, person.world.now))
    person.world.settle(6)
    assert person.effects == [("text", "#a", "ok 1"), ("text", "#a", "ok 2")]


def test_a_command_whose_answer_is_lost_keeps_no_text(person):
    number = person.ask(Topic(id=0, room="#a", text="t"))
    person.text()
    person.world.flush()
    person.world.carry_up()
    person.world.cut()
    person.world.settle(6)
    assert person.world.replies[number].id == number
    assert person.effects == [("topic", "#a", "t"), ("text", "#a", "ok 1")]


def test_what_an_earlier_run_left_comes_first(person):
    person.world.cut()
    person.text()
    person.world.flush()
    person.world.crash()
    person.ask(leave())
    person.text()
    person.world.settle(6)
    assert person.effects == [("text", "#a", "ok 1"), ("leave", "#a")]


def test_while_the_link_is_down_everything_keeps_its_place(person):
    person.world.cut()
    person.world.reachable = False
    person.text()
    person.ask(Topic(id=0, room="#a", text="t"))
    person.text()
    person.ask(leave())
    person.ask(join("#b"))
    person.text("#b")
    person.ask(Nick(id=0, nick="bea"))
    person.text("#b")
    person.world.settle(10)
    assert person.effects == [
        ("text", "#a", "ok 1"),
        ("topic", "#a", "t"),
        ("text", "#a", "ok 2"),
        ("leave", "#a"),
        ("join", "#b"),
        ("text", "#b", "ok 3"),
        ("nick", "bea"),
        ("text", "#b", "ok 4"),
    ]


def test_the_last_command_is_not_done_twice_behind_a_cut(person):
    person.ask(leave())
    person.ask(join("#a"))
    person.text()
    person.world.flush()
    for _ in range(3):
        person.world.carry_up()
        person.world.cut()
        person.world.wait(3)
    person.world.settle(8)
    assert person.effects == [("leave", "#a"), ("join", "#a"), ("text", "#a", "ok 1")]


def test_a_room_that_was_left_without_an_answer_is_not_entered_again(person):
    number = person.ask(leave())
    person.world.flush()
    person.world.carry_up()
    person.world.cut()
    person.world.settle(6)
    assert person.effects == [("leave", "#a")]
    assert isinstance(person.world.replies[number], Ok)
    assert [closed.room for closed in person.world.said(RoomClosed)] == ["#a"]
    assert not person.world.machine.rooms.followed


# ---- anything -------------------------------------------------------------------------------------------

ROOMS = st.sampled_from(["#a", "#b"])


# ---- a topic whose answer is lost -------------------------------------------------------------------------


def set_and_lose(person, *, there):
    """Set a topic, and lose the link before the answer comes; return the request."""
    number = person.ask(Topic(id=0, room="#a", text="ours"))
    if there:
        person.world.carry_up()
    person.world.cut()
    return number


def test_a_topic_that_was_lost_on_the_way_is_set_on_the_next_link(person):
    number = set_and_lose(person, there=False)
    person.world.settle(6)
    assert person.effects == [("topic", "#a", "ours")]
    assert person.world.replies[number].id == number


def test_a_topic_that_was_set_is_known_by_its_event_and_undoes_nothing(person):
    number = set_and_lose(person, there=True)
    person.world.server.topics["#a"] = "bob's"
    event = person.world.server.post("#a", "bob", "bob's", "topic")
    person.world.settle(6)
    assert person.effects == [("topic", "#a", "ours")]
    assert person.world.server.topics == {"#a": "bob's"}
    assert person.world.replies[number].seq == event.seq - 1


def test_what_is_entered_behind_waits_until_a_topic_is_settled(person):
    set_and_lose(person, there=True)
    person.text()
    person.ask(leave())
    person.world.settle(8)
    assert person.effects == [("topic", "#a", "ours"), ("text", "#a", "ok 1"), ("leave", "#a")]


def test_an_older_topic_of_ours_is_not_taken_for_the_new_one(person):
    person.ask(Topic(id=0, room="#a", text="ours"))
    person.world.settle(4)
    person.world.server.topics["#a"] = "bob's"
    person.world.server.post("#a", "bob", "bob's", "topic")
    person.world.settle(2)
    person.effects.clear()
    person.ask(Topic(id=0, room="#a", text="ours"))
    person.world.cut()
    person.world.settle(6)
    assert person.world.server.topics == {"#a": "ours"}


class Order(RuleBasedStateMachine):
    """Any interleaving of texts, commands, cuts, refusals and full disks."""

    def __init__(self):
        super().__init__()
        self.person = Person()
        self.world = self.person.world
        self.world.settle(4)
        self.entered = list(self.person.effects)
        self.doubtful = set()

    @rule(room=ROOMS, bad=st.booleans())
    def text(self, room, bad):
        self.person.text(room, "bad" if bad else "ok")
        self.entered.append(("bad" if bad else "text", room, f"{'bad' if bad else 'ok'} {self.person.count}"))

    @rule(room=ROOMS)
    def leave(self, room):
        self.person.ask(leave(room))
        self.entered.append(("leave", room))

    @rule(room=ROOMS)
    def join(self, room):
        self.person.ask(join(room))
        self.entered.append(("join", room))

    @rule(room=ROOMS)
    def topic(self, room):
        self.person.count += 1
        text = f"topic {self.person.count}"
        self.person.ask(Topic(id=0, room=room, text=text))
        self.entered.append(("topic", room, text))

    @rule()
    def nick(self):
        self.person.count += 1
        self.person.ask(Nick(id=0, nick=f"nick{self.person.count}"))
        self.entered.append(("nick", f"nick{self.person.count}"))

    @rule(room=ROOMS)
    def look(self, room):
        self.person.ask(Members(id=0, room=room))

    @rule(data=st.data())
    def take_back(self, data):
        entries = list(self.world.machine.outbox.entries)
        if entries:
            entry = data.draw(st.sampled_from(entries))
            self.doubtful.add(entry.text)
            self.world.perform(self.world.machine.orders.withdraw({entry.key}))

    @rule(rounds=st.integers(1, 3), flush=st.booleans())
    def go_well(self, rounds, flush):
        for _ in range(rounds):
            self.world.dial()
            self.world.carry_up()
            self.world.carry_down()
            if flush:
                self.world.flush()

    @rule(size=st.integers(1, 300))
    def up(self, size):
        self.world.carry_up(size)

    @rule(size=st.integers(1, 300))
    def down(self, size):
        self.world.carry_down(size)

    @rule(heard=st.booleans(), saved=st.booleans())
    def cut(self, heard, saved):
        """End the link, maybe when the server has heard everything and its answers are on their way."""
        if saved:
            self.world.flush()
        if heard:
            self.world.carry_up()
        self.world.cut()

    @rule(seconds=st.floats(0.1, 3))
    def wait(self, seconds):
        self.world.wait(seconds)

    @rule(full=st.booleans())
    def disk(self, full):
        self.world.server.full = full

    @invariant()
    def what_took_effect_did_so_in_the_order_of_entry(self):
        self._check(Counter(self.person.effects))

    def _check(self, done):
        """Compare with who is a member when everything is taken in order; what is not done is passed over."""
        members, expected = set(), []
        for entry in self.entered:
            kind, place, *rest = entry
            effective = {
                "join": place not in members,
                "leave": place in members,
                "text": place in members,
                "topic": place in members,
                "nick": True,
            }.get(kind, False)
            if effective and not (rest and rest[0] in self.doubtful and not done[entry]):
                expected.append(entry)
                if kind == "join":
                    members.add(place)
                elif kind == "leave":
                    members.discard(place)
        self.expected = expected
        assert self.person.effects == expected[: len(self.person.effects)]

    def teardown(self):
        self.world.settle(40 + 6 * len(self.entered))
        self._check(Counter(self.person.effects))
        assert self.person.effects == self.expected
        assert not self.world.machine.requests.asking.asked
        assert not self.world.machine.outbox.entries


Order.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOrder = Order.TestCase


def test_a_stop_leaves_what_waits(person):
    person.world.cut()
    person.text()
    person.ask(leave())
    person.world.flush()
    person.world.perform(person.world.machine.stop(person.world.now))
    assert Goodbye.__name__ not in person.world.replies
    assert [entry.text for entry in person.world.disk.outbox.values()] == ["ok 1"]
