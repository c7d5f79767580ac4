"""``rooms`` tells what the events of each room take on disk."""

from chatd.control import messages as c
from chatd.control.rows import RoomRow
from chatd.wire import messages as m
from tests.helpers import come_in, sends


def test_rooms_say_what_they_take_on_disk_also_behind_a_removal(site):
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "x" * 1000), wait=0.2)
    come_in(site.playground, "ben", m.Join(id=1, room="#b"), wait=0.2)
    taken = {row.room: row.bytes for row in site.ask(c.AskRooms(), RoomRow)}
    assert taken["#a"] > 1000 > taken["#b"] > 0
    ann.say(m.Remove(id=2, room="#a", seq=2))
    site.playground.advance(0.2)
    (row,) = site.ask(c.AskRooms(where=["room=#a"]), RoomRow)
    assert row.bytes < 1000
    assert site.ask(c.AskRooms(where=["bytes>100000"]), RoomRow) == []
