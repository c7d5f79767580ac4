"""An account is deleted with all that it has said: everywhere, in slices, whatever happens meanwhile."""

import json

import pytest

from chatd.chat import accounts, erasures
from chatd.control import messages as ask
from chatd.control.users import perform
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.stored import text_of
from tests.helpers import come_in, restart, sends


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


def stored(playground, name):
    """Return the events of a room on disk, by number."""
    world = playground.server.hub.world
    events = playground.store.events[world.rooms[name].log.id]
    return {seq: json.loads(bytes(text_of(frame))) for seq, frame in sorted(events.items())}


def register(playground, nick):
    world = playground.server.hub.world
    accounts.make(world, world.nicks[nick], "hash", playground.wall())
    playground.advance()


def delete(playground, nick="ann"):
    world = playground.server.hub.world
    perform(world, ask.AskUserDelete(nick=nick, erase=True), playground.wall())
    playground.server.hub.call()
    playground.advance()


def populate(playground, count=3):
    """Let a guest called ann come and go, and then ann, who registers, talk with ben; return ben."""
    ben = come_in(playground, "ben", *[m.Join(id=1, room=room) for room in ("#tea", "#pub")])
    former = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "by the guest"))
    playground.advance()
    former.say(m.Goodbye(forget=True))
    playground.advance(1)
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "before I registered"))
    playground.advance()
    register(playground, "ann")
    ann.say(m.Join(id=2, room="#pub"), m.Topic(id=3, room="#pub", text="secret topic"))
    ann.say(*sends("#tea", *[f"secret {n}" for n in range(count)], n=2))
    ann.say(*sends("@ben", "secret psst", n=2 + count), *sends("#pub", "secret pub", n=3 + count))
    ben.say(*sends("#tea", "answer"), *sends("@ann", "secret of ben", n=2))
    playground.advance()
    ann.say(m.Leave(id=5, room="#pub"), m.Nick(id=6, nick="anna"))
    playground.advance()
    return ben


def check(playground):
    assert not playground.server.hub.world.erasures
    for name in list(playground.server.hub.world.rooms):
        for event in stored(playground, name).values():
            assert not event.get("text", "").startswith("secret") or event["by"] == "ben", event
    tea = stored(playground, "#tea")
    texts = [event.get("text") for event in tea.values() if event["kind"] == "message"]
    assert texts == ["by the guest", "answer"]
    assert list(tea) == list(range(1, len(tea) + 1))


def test_a_page_that_retention_has_cut_away_meanwhile_ends_no_room(playground):
    populate(playground, 20)
    world = playground.server.hub.world
    delete(playground, "anna")
    slices = erasures.Slices(world)
    row, room, first = slices.next()
    room.log.first = first + 2
    assert slices.take(row, room, first, [], playground.wall()) == 0
    assert slices.next() == (row, room, first + 2)


def test_all_that_it_said_is_erased_and_nothing_else(playground):
    ben = populate(playground)
    delete(playground, "anna")
    playground.advance(5)
    check(playground)
    told = [event for event in ben.of(m.Event) if event.kind == "remove"]
    assert {event.room for event in told} == {"#tea", "#pub", "@1+3"}
    tea = stored(playground, "#tea")
    for event in told:
        assert event.by == "anna"
        if event.room == "#tea":
            assert [tea[seq]["kind"] for seq in event.refs] == ["removed"] * 4
    assert playground.server.hub.world.rooms["#pub"].topic == ""


def test_very_much_goes_in_slices(playground, monkeypatch):
    monkeypatch.setattr(erasures, "MOST", 7)
    populate(playground, count=40)
    before = playground.store.commits
    delete(playground, "anna")
    playground.advance(10)
    check(playground)
    assert playground.store.commits - before > 6


@pytest.mark.parametrize("moment", range(14))
def test_a_crash_at_any_moment_ends_none_of_it(playground, monkeypatch, moment):
    monkeypatch.setattr(erasures, "MOST", 3)
    populate(playground, count=10)
    delete(playground, "anna")
    playground.advance(0.9 + moment * 0.05)
    restart(playground)
    playground.advance(5)
    check(playground)


def test_a_disk_that_is_full_for_a_while_ends_none_of_it(playground, monkeypatch):
    monkeypatch.setattr(erasures, "MOST", 3)
    populate(playground, count=20)
    delete(playground, "anna")
    for _ in range(6):
        playground.advance(0.3)
        playground.store.failing = OSError("disk full")
        playground.advance(0.2)
        playground.store.failing = None
    playground.advance(5)
    check(playground)


def test_what_is_on_its_way_to_the_disk_is_erased_too(playground):
    ben = populate(playground)
    ann = come_in(playground, "", token=ben.of(m.Welcome)[0].token, device=True)
    playground.advance()
    playground.store.held = True
    ann.say(*sends("#tea", "secret at last"))
    playground.advance()
    register(playground, "ben")
    delete(playground, "ben")
    playground.advance(3)
    assert playground.server.hub.world.erasures, "it waits"
    playground.store.held = False
    playground.store.release()
    playground.advance(5)
    assert not playground.server.hub.world.erasures
    assert "secret at last" not in [event.get("text") for event in stored(playground, "#tea").values()]
