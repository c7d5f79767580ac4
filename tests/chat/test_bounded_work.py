"""What somebody asks costs bounded work, whatever there is on the server (P6)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.files import PostedFiles
from chatd.chat.listing import Listing
from chatd.chat.log import Log
from chatd.chat.rules import Kind, Rules
from chatd.chat.state import Room
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import RequestError
from chatd.wire.messages import File
from tests.helpers import come_in

NAMES = [f"#{letter}" for letter in "abcdefg"] + ["!1#a", "@1-2"]
KINDS = [Kind.PUBLIC, Kind.PRIVATE, Kind.READ_ONLY, Kind.DELETED]
DEEDS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "drop", "sort"]), st.sampled_from(NAMES), st.sampled_from(KINDS))
)


@given(DEEDS, st.sampled_from(["", "#b", "#d", "#z"]))
def test_a_listing_is_what_sorting_all_names_gives(deeds, after):
    listing, rooms = Listing(), {}
    for what, name, kind in deeds:
        room = rooms.get(name) or Room(name, Log(len(rooms), name))
        if what == "put":
            room.rules = Rules(kind=kind)
            rooms[name] = room
            listing.put(room)
        elif what == "drop" and name in rooms:
            listing.drop(rooms.pop(name))
        elif what == "sort":
            listing.sort()
    listing.sort()

    def named(*kinds):
        known = [one for one, room in rooms.items() if one.startswith("#") and room.rules.kind in kinds]
        return sorted(name for name in known if name > after)

    assert list(listing.open(after)) == named(Kind.PUBLIC, Kind.READ_ONLY)
    assert list(listing.private(after)) == named(Kind.PRIVATE)


def pages(playground, talker, limit=3):
    """Return the names on each page of the list of rooms."""
    told, after = [], ""
    while True:
        talker.say(m.ListRooms(id=50, after=after, limit=limit))
        playground.advance()
        ok = talker.of(m.Ok)[-1]
        told.append([room.room for room in ok.rooms])
        if not ok.more:
            return told
        after = told[-1][-1]


def test_private_rooms_stand_among_the_others_for_their_members_alone():
    playground = Playground()
    playground.start_server()
    ann = come_in(playground, "ann", *[m.Join(id=1, room=f"#{letter}") for letter in "fbdcae"])
    ann.say(*[m.Set(id=2, room=f"#{letter}", rule="kind", value="private") for letter in "bd"])
    ann.say(m.DeleteRoom(id=3, room="#e"))
    ben, cem = come_in(playground, "ben"), come_in(playground, "cem")
    ann.say(m.InviteTo(id=4, room="#d", whom="cem"))
    playground.advance()
    assert pages(playground, ann) == [["#a", "#b", "#c"], ["#d", "#f"]]
    assert pages(playground, ben) == [["#a", "#c", "#f"]]
    assert pages(playground, cem) == [["#a", "#c", "#d"], ["#f"]]


def test_no_room_is_looked_at_but_those_that_are_told(monkeypatch):
    playground = Playground()
    playground.start_server()
    looked = []
    monkeypatch.setattr("chatd.chat.directory.knows", lambda _, room: looked.append(room) or True)
    ann = come_in(playground, "ann", *[m.Join(id=1, room=f"#r{number:03}") for number in range(150)])
    ann.say(m.Set(id=2, room="#r007", rule="kind", value="private"))
    come_in(playground, "ben", *[m.Join(id=1, room=f"#s{number:03}") for number in range(150)])
    ann.say(m.ListRooms(id=3, limit=5))
    playground.advance()
    assert len(looked) == 1
    assert ann.of(m.Ok)[-1].more


# ---- presence -------------------------------------------------------------------------------------------


def test_news_of_many_are_told_to_a_few_in_each_turn(monkeypatch):
    monkeypatch.setattr("chatd.chat.presence.AT_ONCE", 4)
    playground = Playground()
    server = playground.start_server()
    crowd = [come_in(playground, f"n{number}", m.Join(id=1, room="#a")) for number in range(10)]
    playground.advance(2)
    news = come_in(playground, "news", m.Join(id=1, room="#a"))
    counts = list(server.hub.presence.tell(playground.clock.seconds()))
    playground.advance()
    assert max(counts) <= 4
    assert sum(counts[2:]) == 11  # behind a look at the user's rooms, and one at the room
    assert all("news" in talker.of(m.Presence)[-1].online for talker in (*crowd, news))


def test_who_goes_meanwhile_is_told_nothing_and_all_others_are(monkeypatch):
    monkeypatch.setattr("chatd.chat.presence.AT_ONCE", 2)
    playground = Playground()
    playground.start_server()
    crowd = [come_in(playground, f"n{number}", m.Join(id=1, room="#a")) for number in range(9)]
    playground.advance(2)
    come_in(playground, "news", m.Join(id=1, room="#a"))
    telling = playground.server.hub.presence.tell(playground.clock.seconds())
    next(telling)
    next(telling)
    next(telling)
    for talker in crowd[4:6]:
        talker.transport.abortConnection()
    playground.advance()
    list(telling)
    playground.advance(2)
    for talker in crowd[:4] + crowd[6:]:
        assert any("news" in one.online for one in talker.of(m.Presence))


# ---- files ----------------------------------------------------------------------------------------------

CONTENTS = ["a" * 64, "a" * 8 + "b" * 56, "c" * 64]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(1, 6), st.sampled_from(CONTENTS))))
def test_posted_files_are_found_as_by_looking_at_all_of_them(deeds):
    posted, known = PostedFiles(), {}
    rooms = [Room(f"#{number}", Log(number, f"#{number}", head=10)) for number in range(3)]
    for adds, number, seq, sha256 in deeds:
        if adds and (number, seq) not in known:
            known[number, seq] = sha256
            posted.add(rooms[number], seq, File(name="f", size=1, sha256=sha256))
        elif not adds and (number, seq) in known:
            assert posted.drop(rooms[number], seq).sha256 == known.pop((number, seq))
        for at, room in enumerate(rooms):
            here = sorted(one for where, one in known if where == at)
            for first in (1, 3, 7):
                assert posted.below(room, first) == [one for one in here if one < first]
    for digits in ("a" * 8, "a" * 8 + "b", "a" * 64, "c" * 12, "d" * 8):
        for number, room in enumerate(rooms):
            wanted = [
                at for (one, at), sha256 in known.items() if one == number and sha256.startswith(digits)
            ]
            found = None
            with suppress(RequestError):
                found = posted.find(room, None, digits)[0]
            assert found == max(wanted, default=None)
    for sha256 in CONTENTS:
        assert (sha256 in posted) is (sha256 in known.values())
        newest = {room.log.id: seq for room, seq in posted.newest(sha256)}
        assert newest == {
            number: max(at for (one, at), other in known.items() if one == number and other == sha256)
            for number in {one for (one, _), other in known.items() if other == sha256}
        }


class CountedFiles(dict):
    """Counts how many of its keys are looked at in order."""

    looked = 0

    def __iter__(self):
        for key in super().__iter__():
            self.looked += 1
            yield key


def test_of_the_files_of_a_room_those_that_go_are_looked_at():
    posted, room = PostedFiles(), Room("#a", Log(1, "#a", head=1000))
    files = posted._rooms[room] = CountedFiles()
    for seq in range(1, 1001):
        posted.add(room, seq, File(name="f", size=1, sha256="a" * 64))
    assert posted.below(room, 4) == [1, 2, 3]
    assert files.looked == 4


@pytest.mark.parametrize("mine", [True, False])
def test_a_content_in_very_many_rooms_is_looked_for_in_some_and_in_ones_own(mine, monkeypatch):
    monkeypatch.setattr("chatd.chat.files.ROOMS_LOOKED_AT", 5)
    playground = Playground()
    world = playground.start_server().hub.world
    ann = come_in(playground, "ann", *[m.Join(id=1, room=f"#r{number}") for number in range(20)])
    for number in range(19):
        ann.say(m.Set(id=2, room=f"#r{number}", rule="kind", value="private"))
    ben = come_in(playground, "ben", *([m.Join(id=1, room="#r19")] if mine else []))
    playground.advance()
    for number in range(20):
        world.posted.add(world.rooms[f"#r{number}"], 1, File(name="f", size=1, sha256="a" * 64))
    assert ben.of(m.Welcome)
    asker = world.asker(world.nicks["ben"])
    assert world.posted.readable(asker, "a" * 64) is mine
    assert world.posted.readable(world.asker(world.nicks["ann"]), "a" * 64)
