"""Read markers: they go forward, on all devices, and are the marks of rooms."""

import pytest

NAME = "My.Little.Server"
CAPS = ("draft/read-marker", "server-time", "message-tags", "echo-message")
EARLY, LATE = "timestamp=2020-01-01T00:00:00.000Z", "timestamp=2030-01-01T00:00:00.123Z"


@pytest.fixture
def ada(place):
    place.register("ada")
    return place.enter("ada", *CAPS, password="a-password")


def test_they_go_forward_alone(ada):
    assert f":{NAME} MARKREAD #tea *" in ada.ask("JOIN #tea")[1:2]
    assert ada.ask("MARKREAD #tea") == [f":{NAME} MARKREAD #tea *"]
    assert ada.ask(f"MARKREAD #tea {LATE}") == [f":{NAME} MARKREAD #tea {LATE}"]
    assert ada.ask(f"MARKREAD #TEA {EARLY}") == [f":{NAME} MARKREAD #TEA {LATE}"]
    assert ada.ask("MARKREAD #tea") == [f":{NAME} MARKREAD #tea {LATE}"]
    assert ada.ask(f"MARKREAD anybody {EARLY}", "MARKREAD anybody")[1] == f":{NAME} MARKREAD anybody {EARLY}"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", "NEED_MORE_PARAMS"),
        ("#tea x", "INVALID_PARAMS"),
        ("#tea timestamp=x", "INVALID_PARAMS"),
        ("#tea *", "INVALID_PARAMS"),
    ],
)
def test_what_cannot_be(ada, asked, code):
    assert ada.ask(f"MARKREAD {asked}")[0].split()[3] == code


def test_all_devices_are_told(ada, place):
    other = place.enter("ada", *CAPS, password="a-password")
    ada.ask(f"MARKREAD #tea {LATE}")
    assert other.ask() == [f":{NAME} MARKREAD #tea {LATE}"]


def test_they_are_the_marks_of_rooms(ada, place):
    ada.ask("JOIN #tea")
    (line,) = ada.ask("PRIVMSG #tea :one")
    time = line.split("time=")[1][:24]
    ada.ask("PRIVMSG #tea :two", f"MARKREAD #tea timestamp={time}")
    room = place.world.rooms["#tea"]
    assert next(iter(room.members.values())).read == 2
    ada.send("QUIT")
    ada.hear()
    again = place.connect()
    again.send("CAP REQ :draft/read-marker sasl", "NICK ada", "USER u 0 * :x")
    again.send("AUTHENTICATE PLAIN", "AUTHENTICATE AGFkYQBhLXBhc3N3b3Jk", "CAP END")
    heard = again.hear(1)
    marker = f":{NAME} MARKREAD #tea timestamp={time}"
    assert marker in heard
    assert heard.index(marker) < next(i for i, line in enumerate(heard) if " 366 " in line)
    assert again.ask("MARKREAD #tea") == [marker]
