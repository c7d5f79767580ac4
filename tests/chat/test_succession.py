"""Who owns a room when its owner goes, and invitations that are declined."""

import pytest

from chatd.chat import accounts
from chatd.chat.changes.rows import DISABLED
from chatd.chat.rules import Standing
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.chat.test_moderation import Scene
from tests.helpers import restart

LEAVE = m.Leave(id=7, room="#tea")


@pytest.fixture
def scene():
    return Scene()


def account(scene, *nicks):
    for nick in nicks:
        accounts.make(scene.world, scene.world.nicks[nick], "", 0)
    scene.playground.server.hub.change()
    scene.playground.advance()


def moderate(scene, *nicks):
    for nick in nicks:
        assert scene.do("ann", m.Role(id=6, room="#tea", whom=nick, role="moderator")) is None


def owners(scene):
    found = [user for user, member in scene.tea.members.items() if member.role == Standing.OWNER]
    assert list(scene.tea.owners) == found
    return [user.nick for user in found]


def last_role(scene, nick="cem"):
    event = [event for event in getattr(scene, nick).of(m.Event) if event.kind == "role"][-1]
    return event.by, event.whom, event.value


def test_the_moderator_who_has_been_there_for_longest_comes_first(scene):
    scene.do("dan", m.Join(id=3, room="#tea"))
    account(scene, "ben")
    moderate(scene, "dan", "cem")
    scene.do("ann", LEAVE)
    assert owners(scene) == ["cem"]
    assert last_role(scene) == ("ann", "cem", "owner")
    restart(scene.playground)
    assert owners(scene) == ["cem"]


def test_then_the_member_with_an_account_who_has(scene):
    scene.do("dan", m.Join(id=3, room="#tea"))
    account(scene, "cem", "dan")
    scene.do("ann", LEAVE)
    assert owners(scene) == ["cem"]
    assert last_role(scene, "ben") == ("ann", "cem", "owner")


def test_nobody_who_is_disabled_or_a_mere_guest_does_and_the_operator_is_told(scene, logged_events):
    account(scene, "cem")
    accounts.set_flag(scene.world, scene.world.nicks["cem"], DISABLED, on=True)
    scene.do("ann", LEAVE)
    assert owners(scene) == []
    said = [str(event["chatd"]) for event in logged_events if "chatd" in event]
    assert any("room-ownerless" in one and "#tea" in one for one in said)


def test_a_deleted_account_is_succeeded_in_each_of_its_rooms(scene):
    account(scene, "ann", "ben")
    scene.do("ann", m.Join(id=3, room="#hall"))
    scene.do("ben", m.Join(id=3, room="#hall"))
    ann = scene.world.nicks["ann"]
    scene.ann.transport.abortConnection()
    scene.playground.advance()
    accounts.delete(scene.world, ann, scene.playground.wall())
    scene.playground.server.hub.change()
    scene.playground.advance()
    assert owners(scene) == ["ben"]
    hall = scene.world.rooms["#hall"]
    assert [user.nick for user, member in hall.members.items() if member.role == Standing.OWNER] == ["ben"]
    assert ann.deleted


def test_a_guest_who_is_forgotten_is_succeeded(scene):
    account(scene, "cem")
    scene.ann.say(m.Goodbye(forget=True))
    scene.playground.advance()
    assert owners(scene) == ["cem"]


def test_what_is_not_stored_has_not_happened(scene):
    account(scene, "cem")
    scene.playground.store.failing = OSError("disk full")
    assert scene.do("ann", LEAVE) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert owners(scene) == ["ann"]


def test_an_emptied_room_and_a_deleted_one_need_nobody(scene, logged_events):
    for nick in ("ben", "cem", "ann"):
        scene.do(nick, LEAVE)
    scene.do("dan", m.Join(id=3, room="#hall"))
    scene.do("ann", m.Join(id=3, room="#hall"))
    scene.do("dan", m.DeleteRoom(id=4, room="#hall"))
    scene.playground.advance(70)
    said = [str(event["chatd"]) for event in logged_events if "chatd" in event]
    assert not any("room-ownerless" in one for one in said)


# ---- declining ------------------------------------------------------------------------------------------

DECLINE = m.Decline(id=8, room="#tea")


@pytest.mark.parametrize("kind", ["public", "private"])
def test_an_invitation_is_declined_once_and_the_room_sees_it(kind):
    scene = Scene(kind=kind)
    assert scene.do("dan", DECLINE) == Code.NO_SUCH_ACT
    scene.do("ann", m.InviteTo(id=5, room="#tea", whom="dan"))
    assert scene.do("dan", DECLINE) is None
    assert scene.dan.of(m.Ok)[-1].room == "#tea"
    assert (scene.ann.of(m.Event)[-1].kind, scene.ann.of(m.Event)[-1].by) == ("decline", "dan")
    assert scene.do("dan", DECLINE) == Code.NO_SUCH_ACT
    if kind == "private":
        assert scene.do("dan", m.Join(id=9, room="#tea")) == Code.ROOM_TAKEN
    back = scene.back(scene.dan)
    assert not back.of(m.Invited)
    assert scene.do("ann", m.InviteTo(id=5, room="#tea", whom="dan")) is None
    assert back.of(m.Invited)
    restart(scene.playground)
    assert scene.world.nicks["dan"].invited


def test_whoever_is_not_invited_learns_of_no_private_room(scene):
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value="private"))
    scene.do("dan", DECLINE)
    known = scene.dan.of(m.Error)[-1].text
    scene.do("dan", m.Decline(id=8, room="#non"))
    assert scene.dan.of(m.Error)[-1].text == known.replace("#tea", "#non")
    assert scene.do("dan", m.Decline(id=8, room="@ann")) == Code.BAD_ROOM


def test_a_decline_that_is_not_stored_leaves_the_invitation(scene):
    scene.do("ann", m.InviteTo(id=5, room="#tea", whom="dan"))
    scene.playground.store.failing = OSError("disk full")
    assert scene.do("dan", DECLINE) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert scene.do("dan", DECLINE) is None
