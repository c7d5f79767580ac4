"""Rooms and crowds that are large: what is told of them is told in several turns."""

import base64

import pytest

from chatd.chat import metadata
from chatd.chat.changes.rows import PutMember, PutRoom
from chatd.server.irc import channels
from chatd.server.irc.commands import people

NAME = "My.Little.Server"


def test_many_names_come_in_several_turns(place, monkeypatch):
    monkeypatch.setattr(channels, "AT_ONCE", 3)
    monkeypatch.setattr(channels, "LINES_AT_ONCE", 1)
    for number in range(20):
        place.enter(f"a-long-nick-as-people-have-{number}").send("JOIN #tea")
    place.advance(1)
    ada = place.enter("ada")
    ada.send("JOIN #tea")
    heard = ada.hear()
    names = " ".join(line.split(" :")[1] for line in heard if " 353 " in line).split()
    assert len(names) == 21 and len({*names}) == 21
    assert heard[-1] == f":{NAME} 366 ada #tea :End of NAMES list"
    assert all(len(line.encode()) <= 510 for line in heard)


def test_a_mask_is_looked_for_in_several_turns(place, monkeypatch):
    monkeypatch.setattr(people, "LOOKED_AT", 2)
    for number in range(9):
        place.enter(f"n{number}")
    ada = place.enter("ada")
    assert len(ada.ask("WHO n*")) == 10


def test_a_device_that_nothing_can_be_called_is_none(place):
    place.register("ada")
    for device in ("a\nb", "x" * 200):
        place.enter("ada", password="a-password", account=f"ada@{device}").send("QUIT")
        place.advance(0.5)
    assert [one.label for one in place.world.sessions.values()] == ["IRC"]


def test_who_is_in_many_rooms_hears_in_later_turns_who_else_is_there(place):
    place.register("ada")
    ada = place.enter("ada", password="a-password")
    ada.ask(*[f"JOIN #r{number}" for number in range(25)])
    world = place.world
    for number in range(250):
        user = world.add_user(f"somebody-called-{number}")
        for room in list(world.rooms.values()):
            world.change(PutMember(room.log.id, user.id, 0))
    place.playground.server.hub.change()
    ada.send("QUIT")
    ada.hear(1)
    later = place.connect()
    later.send("CAP REQ :sasl batch draft/metadata-3", "NICK ada", "USER u 0 * :x", "AUTHENTICATE PLAIN")
    later.send("AUTHENTICATE " + base64.b64encode(b"\0ada\0a-password").decode())
    later.hear(1)
    later.transport.pauseProducing()
    later.send("CAP END")
    place.advance(5)
    waiting = len(later.transport.incoming.buffer)
    assert waiting < 90_000  # not all of it
    later.transport.resumeProducing()
    heard = later.hear(10)
    assert [line.split()[2] for line in heard if " JOIN " in line] == [f"#r{number}" for number in range(25)]
    assert sum(map(len, heard)) > 110_000
    named = {}
    for line in heard:
        if line.split()[1] == "353":
            named.setdefault(line.split()[4], set()).update(line.split(" :")[1].replace("@", "").split())
    everybody = {"ada", *[f"somebody-called-{number}" for number in range(250)]}
    assert named == {f"#r{number}": everybody for number in range(25)}
    assert sum(line.split()[1] == "366" for line in heard) == 25
    assert sum(line.split()[1] == "774" for line in heard) == 25


@pytest.mark.parametrize("asked", ["LIST", "METADATA #r0 SYNC"])
def test_no_command_writes_far_ahead_of_who_reads_nothing(place, asked):
    ada = place.enter("ada", "batch", "draft/metadata-3", "labeled-response")
    ada.ask("JOIN #r0", "METADATA * SUB url a b c d e f g h i")
    world = place.world
    for number in range(400):
        user = world.add_user(f"u{number}")
        world.change(PutRoom(1000 + number, f"#l{number}", "x" * 400, 1))
        world.change(PutMember(1000 + number, user.id, 0))
        world.change(PutMember(world.rooms["#r0"].log.id, user.id, 0))
        for key in ("url", *"abcdefghi"):
            metadata.put(world, user, key, "x" * 100)
    place.playground.server.hub.change()
    ada.hear()
    ada.transport.pauseProducing()
    ada.send(f"@label=x {asked}")
    place.advance(5)
    assert len(ada.transport.incoming.buffer) < 150_000
    ada.transport.resumeProducing()
    heard = ada.hear(10)
    assert sum(map(len, heard)) > 150_000
    assert heard[-1].split()[1:3] == ["BATCH", "-" + heard[0].split()[3][1:]]
