"""Rooms and crowds that are large: what is told of them is told in several turns."""

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
