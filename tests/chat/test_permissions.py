"""Who may do what in which room: one table, asked by everything that hands out what was said."""

import pytest

from chatd.chat.permissions import NEEDS, Standing, may_follow, may_read, standing_of
from chatd.chat.requests import RULES
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import come_in

SHA256 = "0" * 64
ASK = {
    m.Send: lambda room: m.Send(id=9, n=2, room=room, text="hi"),
    m.Leave: lambda room: m.Leave(id=9, room=room),
    m.Topic: lambda room: m.Topic(id=9, room=room, text="tea"),
    m.Read: lambda room: m.Read(id=9, room=room, seq=1),
    m.Members: lambda room: m.Members(id=9, room=room),
    m.History: lambda room: m.History(id=9, room=room),
    m.Download: lambda room: m.Download(id=9, transfer=1, room=room, seq=1),
}
"""A request of each kind that needs a room which is there."""


class Scene:
    """Ann, who is in #tea and talks to Ben; and Cem, who has nothing to do with either."""

    def __init__(self, folder):
        self.playground = Playground(folder=folder)
        self.playground.start_server()
        self.ann = come_in(self.playground, "ann", m.Join(id=1, room="#tea"))
        self.ben = come_in(self.playground, "ben")
        self.cem = come_in(self.playground, "cem", m.Join(id=1, room="#own"))
        for talker in (self.ann, self.cem):
            talker.say(m.Send(id=2, n=1, room="@ben" if talker is self.ann else "#own", text="hello"))
        self.playground.advance()
        self.world = self.playground.server.hub.world
        self.direct = next(name for name, room in self.world.rooms.items() if room.direct)

    def user(self, nick):
        return self.world.nicks[nick]

    def ask(self, talker, request):
        """Return the code of what is answered, or None where it is allowed."""
        before = len(talker.heard)
        talker.say(request)
        self.playground.advance()
        answers = [message for message in talker.heard[before:] if getattr(message, "id", None) == 9]
        return getattr(answers[0], "code", None)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_every_request_has_its_row():
    kinds = set(m.Request.__subclasses__())
    assert kinds <= set(NEEDS)
    assert set(NEEDS) == set(RULES)
    assert set(ASK) == {kind for kind, need in NEEDS.items() if need.standing}


@pytest.mark.parametrize("kind", ASK)
def test_what_somebody_outside_may_do_in_a_room(scene, kind):
    code = scene.ask(scene.cem, ASK[kind]("#tea"))
    if NEEDS[kind].standing is Standing.MEMBER:
        assert code == Code.NOT_A_MEMBER
    else:
        assert code in {None, Code.NO_SUCH_FILE}


@pytest.mark.parametrize("kind", ASK)
def test_others_learn_nothing_of_a_log_of_direct_messages(scene, kind):
    """It looks like one that cannot be, whoever asks for it by whatever name."""
    absent = scene.ask(scene.cem, ASK[kind]("@98+99"))
    assert absent in {Code.BAD_NICK, Code.NO_SUCH_USER}
    assert scene.ask(scene.cem, ASK[kind](scene.direct)) == absent


@pytest.mark.parametrize("kind", ASK)
def test_only_a_send_begins_anything(scene, kind):
    assert scene.ask(scene.cem, ASK[kind]("#nowhere")) == Code.NO_SUCH_ROOM
    assert scene.ask(scene.cem, ASK[kind]("@ann")) == (None if kind is m.Send else Code.NO_SUCH_ROOM)


def test_standings(scene):
    ann, ben, cem = map(scene.user, ("ann", "ben", "cem"))
    tea, direct = scene.world.rooms["#tea"], scene.world.rooms[scene.direct]
    assert [standing_of(user, tea) for user in (ann, ben, cem)] == [2, 1, 1]
    assert [standing_of(user, direct) for user in (ann, ben, cem)] == [2, 2, 0]
    assert [may_read(user, direct) for user in (ann, ben, cem)] == [True, True, False]
    assert [may_follow(user, tea) for user in (ann, ben, cem)] == [True, False, False]


def test_nobody_reads_what_is_not_stored(scene):
    scene.playground.store.held = True
    scene.ann.say(m.Send(id=3, n=2, room="#tea", text="on its way"))
    scene.playground.advance()
    tea = scene.world.rooms["#tea"]
    assert tea.log.last == tea.log.head + 1
    assert may_read(scene.user("ann"), tea, tea.log.head)
    assert not may_read(scene.user("ann"), tea, tea.log.last)
    scene.playground.store.held = False
    scene.playground.store.release()
    assert may_read(scene.user("ann"), tea, tea.log.last)
