"""A room is deleted while somebody is away: their client lets go of it, with all that waits for it."""

import pytest

from chatd.client.core.notices import JoinRefused, RoomClosed, SendRefused
from chatd.wire.errors import Code
from chatd.wire.messages import DeleteRoom, Set
from tests.client.entering import make_client, now
from tests.client.test_restored import Away, slot_of

WHY = "ann has deleted #a: over; join it again if you want a room of that name."


class Deleted(Away):
    """A reader who is away, with texts that wait, while the room is deleted."""

    def __init__(self, folder, kind, *texts):
        super().__init__(folder)
        self.ask(Set(id=0, room="#a", rule="kind", value=kind))
        self.say(2, "said")
        self.world.crash_server()
        self.wait(1)
        for text in texts:
            self.reader.send("#a", text).addErrback(lambda _: None)
        self.wait(1)
        self.leave()
        self.world.start_server()
        self.wait(12)
        self.ask(DeleteRoom(id=0, room="#a", reason="over"))

    def ask(self, message):
        asked = self.talker.ask(message)
        self.wait(1)
        return now(asked)

    @property
    def rooms(self):
        return self.world.server.hub.world.rooms


@pytest.fixture(params=["public", "private"])
def life(request, tmp_path):
    return Deleted(tmp_path, request.param, "for the old room alone")


def test_it_lets_go_and_what_waited_is_refused(life):
    life.come()
    assert life.heard(JoinRefused) == [JoinRefused("#a", Code.REMOVED, WHY)]
    assert [closed.room for closed in life.heard(RoomClosed)] == ["#a"]
    (unsaid,) = life.heard(SendRefused)
    assert (unsaid.text, unsaid.code, unsaid.reason) == ("for the old room alone", Code.REMOVED, WHY)
    assert "#a" not in life.rooms
    life.leave()
    life.restart()
    life.come()
    life.wait(5)
    assert life.rooms["#a"].members, "the room that its person asks for is a new one"
    assert not life.heard(JoinRefused)
    assert not life.heard(SendRefused)


def test_nothing_is_said_in_a_new_room_of_that_name_of_somebody_else(life):
    now_or_later = life.talker.join("#a")
    life.wait(1)
    now(now_or_later)
    life.come()
    assert [refused.code for refused in life.heard(JoinRefused)] == [Code.REMOVED]
    assert [unsaid.code for unsaid in life.heard(SendRefused)] == [Code.REMOVED]
    assert [user.nick for user in life.rooms["#a"].members] == ["ann"]
    assert [event for event in life.log().values() if b"old room" in event] == []


def test_a_process_that_ends_at_once_says_nothing_when_it_is_started_again(tmp_path):
    """It ends behind the refusal of its join, before its texts are answered: more than are sent at once."""
    life = Deleted(tmp_path, "private", *["x" * 16_000] * 60)
    client = life.reader = make_client(life.world, "bob", "#a", slot=slot_of(life.folder))
    life.world.network.latency = 0.5
    client.start()
    while not life.heard(JoinRefused):
        life.world.advance(0.01, 0.01)
    client.stop()
    life.wait(2)
    life.reader = make_client(life.world, "bob", slot=slot_of(life.folder))
    life.reader.start()
    life.wait(5)
    assert "#a" not in life.rooms
    assert not life.heard(SendRefused)
