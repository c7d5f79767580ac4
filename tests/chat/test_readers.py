"""Guests where guests only read: they follow public rooms live, and no event, nor anybody, tells of them."""

import pytest

from chatd.chat.changes.rows import PutMember
from chatd.chat.rules import Standing
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import TALKERS, come_in, guests, restart, sends

KINDS = sorted(TALKERS)


class Scene:
    """A room of an owner, and readers of it."""

    def __init__(self):
        self.playground = Playground()
        self.playground.start_server()
        self.owner = self.enter("owner", m.Join(id=1, room="#tea"), *sends("#tea", "before"))

    @property
    def world(self):
        return self.playground.server.hub.world

    @property
    def tea(self):
        return self.world.rooms["#tea"]

    def enter(self, nick="", *more, **how):
        talker = come_in(self.playground, nick, *more, **how)
        self.playground.advance()
        return talker

    def reader(self, nick="ben", *more, room="#tea", **how):
        with guests(self.playground, "read-only"):
            return self.enter(nick, *([m.Join(id=1, room=room)] if room else []), *more, **how)

    def say(self, *messages):
        self.owner.say(*messages)
        self.playground.advance()

    def speak(self, text):
        self.say(*sends("#tea", text, n=self.world.nicks["owner"].sessions.copy().pop().last + 1))


@pytest.fixture
def scene():
    return Scene()


def codes(talker):
    return {error.id: error.code for error in talker.of(m.Error)}


@pytest.mark.parametrize("speaks", KINDS)
def test_a_reader_hears_what_is_said_and_nobody_hears_of_the_reader(scene, speaks):
    ben = scene.reader(speaks=speaks)
    ok = ben.of(m.Ok)[0]
    assert (ok.id, ok.seq, ok.room) == (1, None, "#tea")
    assert [(room.room, room.role) for rooms in ben.of(m.Rooms) for room in rooms.rooms] == [
        ("#tea", "reader")
    ]
    scene.speak("hello")
    assert ben.texts() == ["hello"]
    scene.playground.advance(40)
    ben.say(m.Leave(id=2, room="#tea"))
    scene.playground.advance()
    assert ben.of(m.Left) == [m.Left(room="#tea")]
    assert next(ok for ok in ben.of(m.Ok) if ok.id == 2).seq is None
    scene.speak("without you")
    ben.transport.abortConnection()
    scene.playground.advance(80)
    assert ben.texts() == ["hello"]
    assert scene.owner.seqs("#tea") == [1, 2, 3, 4]
    assert not [told for told in scene.owner.of(m.Presence) if "ben" in told.online + told.offline]


def test_a_reader_is_among_the_members_that_are_listed(scene):
    scene.reader()
    scene.say(m.Members(id=5, room="#tea"))
    rows = next(ok for ok in scene.owner.of(m.Ok) if ok.id == 5).members
    assert [(row.nick, row.role) for row in rows] == [("ben", "reader"), ("owner", "owner")]


def test_who_comes_back_misses_nothing(scene):
    ben = scene.reader()
    ben.transport.abortConnection()
    scene.speak("while away")
    restart(scene.playground)
    with guests(scene.playground, "read-only"):
        again = scene.enter(token=ben.of(m.Welcome)[0].token, cursors={"#tea": 2})
    (state,) = again.of(m.Welcome)[0].rooms
    assert (state.role, again.texts()) == ("reader", ["while away"])


@pytest.mark.parametrize("name", ["#nowhere", "#secret", "#t\u0435a", "@owner"])
def test_nothing_is_made_and_what_is_private_is_answered_as_what_is_not_there(scene, name):
    scene.say(m.Join(id=7, room="#secret"), m.Set(id=8, room="#secret", rule="kind", value="private"))
    rooms = set(scene.world.rooms)
    ben = scene.reader(room=name)
    (error,) = ben.of(m.Error)
    assert error.code == Code.ACCOUNT_NEEDED
    assert error.text == "Guests can only read public rooms here; log in or register to take part."
    assert set(scene.world.rooms) == rooms


def test_an_invitation_brings_no_reader_into_a_private_room(scene):
    ben = scene.reader(room="")
    scene.say(
        m.Set(id=8, room="#tea", rule="kind", value="private"), m.InviteTo(id=9, room="#tea", whom="ben")
    )
    ben.say(m.Join(id=2, room="#tea"))
    scene.playground.advance()
    assert codes(ben) == {2: Code.ACCOUNT_NEEDED}


def test_a_room_that_becomes_private_lets_go_of_its_readers(scene):
    ben = scene.reader()
    scene.say(m.Set(id=8, room="#tea", rule="kind", value="private"))
    scene.speak("among us")
    assert ben.of(m.Left) == [m.Left(room="#tea")]
    assert (ben.texts(), ben.seqs("#tea")) == ([], [3])
    assert list(scene.tea.members) == [scene.world.nicks["owner"]]


@pytest.mark.parametrize("act", ["kick", "ban", "network"])
def test_a_reader_is_removed_as_a_member_is(scene, act):
    ben = scene.reader()
    what = {
        "kick": m.Kick(id=8, room="#tea", whom="ben"),
        "ban": m.Ban(id=8, room="#tea", whom="ben"),
        "network": m.Ban(id=8, room="#tea", whom="192.0.2.0/24"),
    }[act]
    for connection in scene.playground.server.swept():
        if connection.session.user.nick == "ben":
            connection.peer_host = "192.0.2.7"
    scene.say(what)
    scene.speak("gone")
    assert ben.of(m.Left) == [m.Left(room="#tea")]
    assert ben.texts() == []
    ben.say(m.Join(id=9, room="#tea"))
    scene.playground.advance()
    assert codes(ben) == ({} if act == "kick" else {9: Code.BANNED})
    scene.speak("again")
    assert ben.texts() == (["again"] if act == "kick" else [])


@pytest.mark.parametrize("role", ["member", "moderator", "owner"])
def test_a_reader_gets_no_role_and_so_stays_in_no_private_room(scene, role):
    ben = scene.reader()
    scene.say(m.Role(id=8, room="#tea", whom="ben", role=role))
    assert codes(scene.owner) == {8: Code.NOT_ALLOWED}
    scene.say(m.Set(id=9, room="#tea", rule="kind", value="private"))
    scene.speak("among us")
    assert ben.texts() == []
    assert list(scene.tea.members) == [scene.world.nicks["owner"]]


def test_a_reader_sees_no_history_where_newcomers_see_none(scene):
    scene.say(m.Set(id=8, room="#tea", rule="history", value="since-join"))
    ben = scene.reader("ben", m.History(id=2, room="#tea"))
    scene.speak("now")
    ben.say(m.History(id=3, room="#tea"))
    scene.playground.advance()
    pages = {ok.id: len(ok.events) for ok in ben.of(m.Ok) if ok.events is not None}
    assert pages == {2: 0, 3: 1}
    assert ben.texts() == ["now"]


def test_a_reader_who_registers_joins_to_take_part(scene):
    scene.world.terms = scene.world.terms.__class__(
        scene.world.terms.quota, show_addresses=False, registration="open"
    )
    ben = scene.reader("ben", m.Register(id=2, password="correct horse"))
    scene.playground.advance(1)
    ben.say(*sends("#tea", "hi"), m.Join(id=4, room="#tea"), *sends("#tea", "hi"))
    scene.playground.advance()
    assert codes(ben) == {1001: Code.NOT_A_MEMBER}
    assert [event.by for event in scene.owner.of(m.Event) if event.kind == "join"] == ["owner", "ben"]
    assert scene.owner.texts()[-1] == "hi"
    assert scene.tea.members[scene.world.nicks["ben"]].role == Standing.MEMBER
    assert scene.playground.store.members[scene.tea.log.id, 2] == PutMember(scene.tea.log.id, 2, 2, 3, 3)


def test_a_guest_who_is_a_member_by_another_listener_stays_one(scene):
    token = scene.enter("ben", m.Join(id=1, room="#tea")).of(m.Welcome)[0].token
    with guests(scene.playground, "read-only"):
        ben = scene.enter("", m.Join(id=2, room="#tea"), *sends("#tea", "hi"), token=token)
    assert codes(ben) == {1001: Code.ACCOUNT_NEEDED}
    assert scene.tea.members[scene.world.nicks["ben"]].role == Standing.MEMBER


def test_a_join_that_cannot_be_stored_makes_no_reader(scene):
    scene.playground.store.failing = OSError("full")
    ben = scene.reader()
    scene.playground.store.failing = None
    assert [user.nick for user in scene.tea.members] == ["owner"]
    scene.speak("hello")
    assert ben.texts() == []
