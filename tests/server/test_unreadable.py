"""A disk that cannot be read: whoever asks is told so, and the operator too; nothing passes for empty."""

import json

import msgspec
import pytest

from chatd.ops.settings import Config, RetentionConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from tests.helpers import come_in, sends


@pytest.fixture
def ann(playground):
    return come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(9))))


def break_disk(playground, how="Input/output error"):
    playground.store.unreadable = how and OSError(how)


def test_a_page_of_history_that_cannot_be_read_is_refused_and_the_connection_lives(playground, ann, said):
    break_disk(playground)
    ann.say(m.History(id=5, room="#a"), m.History(id=6, room="#a", after=3), *sends("#a", "x", n=10))
    playground.advance()
    assert [(error.id, error.code) for error in ann.of(m.Error)] == [
        (5, "storage-unavailable"),
        (6, "storage-unavailable"),
    ]
    assert ann.lost is None
    assert ann.texts()[-1] == "x"
    (line,) = said("store-unreadable")
    assert line == {"room": "#a", "error": "Input/output error", "suppressed": None}
    break_disk(playground, None)
    ann.say(m.History(id=7, room="#a"))
    playground.advance()
    assert len(ann.of(m.Ok)[-1].events) == 11


def test_it_is_logged_once_in_a_while(playground, ann, said):
    break_disk(playground)
    for _ in range(20):
        ann.say(m.History(id=5, room="#a"))
        playground.advance(1)
    assert [line["suppressed"] for line in said("store-unreadable")] == [None, 9]


@pytest.mark.parametrize("newest", [False, True])
def test_a_page_that_is_missing_is_no_empty_one(playground, ann, newest, said):
    playground.store.events[1].clear()
    ann.say(m.History(id=5, room="#a", **({} if newest else {"after": 0})))
    playground.advance()
    assert ann.of(m.Error)[-1].code == "storage-unavailable"
    assert len(said("log-hole")) == 1


@pytest.mark.parametrize("newest", [False, True])
def test_a_page_of_what_became_that_is_missing_is_no_empty_one(playground, ann, newest, said):
    playground.store.events[1].clear()
    ann.say(m.History(id=5, room="#a", present=True, **({} if newest else {"after": 0})))
    playground.advance()
    assert ann.of(m.Error)[-1].code == "storage-unavailable"
    assert len(said("log-hole")) == 1


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("kept", [4, 8])
def test_a_page_whose_beginning_retention_takes_begins_behind_that(playground, ann, present, kept, said):
    """Whether it takes a part of the page, or all of it."""
    store, waiting = playground.store, []
    kinds = {kind: getattr(store, kind) for kind in ("read", "look")}
    for kind, read in kinds.items():
        setattr(store, kind, lambda *asked, read=read: waiting.append((read, asked)))
    ann.say(m.History(id=5, room="#a", after=0, limit=5, present=present))
    playground.advance()
    hub = playground.server.hub
    hub.trim(hub.world.rooms["#a"], kept)
    playground.advance()
    while waiting:
        read, asked = waiting.pop()
        read(*asked)
        playground.advance()
    (answer,) = [one for one in ann.of(m.Ok) if one.id == 5]
    assert [json.loads(bytes(raw))["seq"] for raw in answer.events][:2] == [kept, kept + 1]
    assert not said("log-hole")


def test_history_goes_as_far_as_a_hole_and_is_refused_there(playground, ann, said):
    del playground.store.events[1][5]
    ann.say(
        m.History(id=5, room="#a", after=1), m.History(id=6, room="#a", after=4), m.History(id=7, room="#a")
    )
    playground.advance()
    page, newest = ann.of(m.Ok)[-2:]
    assert [seqs(page), page.more] == [[2, 3, 4], True]
    assert [seqs(newest), newest.more] == [[6, 7, 8, 9, 10], True]
    assert [(error.id, error.code) for error in ann.of(m.Error)] == [(6, "storage-unavailable")]
    assert [line["seq"] for line in said("log-hole")] == [5]


def test_the_missing_event_is_named_from_either_end(playground, ann, said):
    for seq in (5, 6, 7):
        del playground.store.events[1][seq]
    ann.say(m.History(id=5, room="#a", after=4), m.History(id=6, room="#a", before=8))
    playground.advance()
    assert [error.id for error in ann.of(m.Error)] == [5, 6]
    assert [line["seq"] for line in said("log-hole")] == [5, 7]


def test_a_reader_comes_as_far_as_a_hole_and_no_further(playground, ann, said):
    token = ann.of(m.Welcome)[0].token
    playground.server.hub.world.rooms["#a"].log.forget_tail()
    del playground.store.events[1][5]
    again = come_in(playground, token=token, cursors={"#a": 2})
    playground.advance(1)
    assert [event.seq for event in again.of(m.Event)] == [3, 4]
    assert again.of(m.Goodbye)[0].reason == CloseReason.FAULT
    assert [line["seq"] for line in said("log-hole")] == [5]


def seqs(page):
    return [msgspec.json.decode(event)["seq"] for event in page.events]


def test_a_page_whose_beginning_was_cut_off_meanwhile_is_the_rest(playground, ann, said):
    read = playground.store.read

    def read_late(*asked):
        playground.store.read = read
        playground.server.hub.trim(playground.server.hub.world.rooms["#a"], 5)
        for seq in range(1, 5):
            del playground.store.events[1][seq]
        read(*asked)

    playground.store.read = read_late
    ann.say(m.History(id=5, room="#a", after=1))
    playground.advance()
    assert seqs(ann.of(m.Ok)[-1]) == [5, 6, 7, 8, 9, 10]
    assert not said("log-hole")


def test_a_page_that_was_cut_off_meanwhile_is_empty(playground, ann):
    read = playground.store.read

    def read_late(*asked):
        log = playground.server.hub.world.rooms["#a"].log
        playground.server.hub.trim(playground.server.hub.world.rooms["#a"], log.head + 1)
        playground.store.events[1].clear()
        read(*asked)

    playground.store.read = read_late
    ann.say(m.History(id=5, room="#a"))
    playground.advance()
    assert ann.of(m.Ok)[-1].events == []


def test_a_reader_that_cannot_be_served_is_sent_away_and_comes_back(playground, ann, said):
    token = ann.of(m.Welcome)[0].token
    playground.server.hub.world.rooms["#a"].log.forget_tail()
    break_disk(playground)
    again = come_in(playground, token=token, cursors={"#a": 2})
    playground.advance(1)
    assert again.of(m.Goodbye)[0].reason == CloseReason.FAULT
    assert said("store-unreadable")
    assert not said("log-hole")
    break_disk(playground, None)
    again = come_in(playground, token=token, cursors={"#a": 2})
    assert again.texts("#a") == list(map(str, range(1, 9)))


def test_retention_needs_nothing_read():
    playground = Playground(Config(retention=RetentionConfig(days=0.01)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(9))))
    break_disk(playground)
    playground.advance(1000, step=1)
    assert playground.server.hub.world.rooms["#a"].log.first == 11
    assert ann.lost is None
