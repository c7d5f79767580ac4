"""Where earlier wordings are not kept, an edit erases them for everybody, and nothing else of the event."""

import dataclasses
import json

import pytest

from chatd.ops.settings import Config, RoomsConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.stored import known_check_of
from tests.chat.test_removing import LateStore, cold, events_of, history
from tests.helpers import ask, come_in, restart, sends


def begun(**rooms):
    playground = Playground(Config(rooms=RoomsConfig(**rooms)), store=LateStore())
    playground.store.pages = []
    playground.start_server()
    return playground


@pytest.fixture
def playground():
    return begun(keep_edits=False)


@pytest.fixture
def ann(playground):
    """Who has said "first wording" as event 2 of #tea, and mentioned ben."""
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea"))
    playground.advance()
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "@ben first wording"))
    playground.advance()
    ann.ben = ben
    return ann


SAID = 3


def edit(playground, ann, text, n):
    return ask(playground, ann, m.Edit(id=50 + n, n=n, room="#tea", seq=SAID, text=text))


def in_store(playground, word):
    kept = playground.store.events[playground.server.hub.world.rooms["#tea"].log.id]
    return [seq for seq, frame in kept.items() if word.encode() in frame]


@pytest.mark.parametrize("warm", [True, False])
def test_the_earlier_wording_is_in_no_event_any_more(playground, ann, warm):
    before = history(playground, ann)[SAID]
    if not warm:
        cold(playground)
    assert edit(playground, ann, "second wording", 2).seq == 4
    assert in_store(playground, "first wording") == []
    told = events_of(ann.ben)
    assert told[SAID].text == "@ben first wording", "who heard it, has heard it"
    assert (told[4].kind, told[4].ref, told[4].text) == ("edit", SAID, "second wording")
    emptied = before | {"edited": 4}
    del emptied["mentions"], emptied["text"]
    for _ in range(2):
        after = history(playground, ann)
        assert after[SAID] == emptied
        assert sorted(after) == [1, 2, 3, 4]
        cold(playground)
    assert edit(playground, ann, "third wording", 3).seq == 5
    assert in_store(playground, "second wording") == []
    assert history(playground, ann)[SAID] == emptied
    assert history(playground, ann)[4]["edited"] == 5
    page = ask(playground, ann, m.History(id=90, room="#tea", present=True))
    (became,) = [one for one in page.became if one.seq == SAID]
    assert (became.edit, became.text) == (5, "third wording")


def test_late_readers_and_those_who_lag_never_see_it(playground, ann):
    edit(playground, ann, "second wording", 2)
    late = come_in(playground, "eve", m.Join(id=1, room="#tea", after=0), wait=0.2)
    assert [event.text for event in late.of(m.Event) if event.seq == SAID] == [""]
    assert late.of(m.Event)[SAID - 1].edited == 4
    restart(playground)
    later = come_in(playground, "zoe", m.Join(id=1, room="#tea", after=0), wait=0.2)
    assert "first wording" not in "".join(event.text for event in later.of(m.Event))


def test_until_the_commit_it_is_what_was_said_for_everybody_and_stays_if_that_fails(playground, ann):
    playground.store.held = True
    ann.say(m.Edit(id=60, n=2, room="#tea", seq=SAID, text="second wording"))
    playground.advance()
    log = playground.server.hub.world.rooms["#tea"].log
    assert b"first wording" in log.recall(SAID)
    playground.store.failing = OSError("full")
    playground.store.held = False
    playground.store.release()
    playground.advance()
    playground.store.failing = None
    assert [error.code for error in ann.of(m.Error)] == [Code.STORAGE_UNAVAILABLE]
    assert b"first wording" in log.recall(SAID)
    assert in_store(playground, "first wording") == [SAID]
    playground.advance(2)
    assert edit(playground, ann, "third wording", 2).seq == 4
    assert in_store(playground, "first wording") == []


def test_edits_that_come_together_leave_the_last_wording_alone(playground, ann):
    edits = [m.Edit(id=60 + n, n=n, room="#tea", seq=SAID, text=f"wording {n}") for n in range(2, 9)]
    ann.say(*edits, m.Remove(id=99, room="#tea", seq=2))
    playground.advance(1)
    assert [answer.seq for answer in ann.of(m.Ok) if 60 <= answer.id < 80] == list(range(4, 11))
    assert [seq for n in range(2, 9) for seq in in_store(playground, f"wording {n}")] == [10]
    assert in_store(playground, "first wording") == []


def test_a_page_that_was_read_before_is_read_again(playground, ann):
    cold(playground)
    playground.store.late = True
    ann.ben.say(m.History(id=70, room="#tea"))
    playground.advance()
    playground.store.late = False
    edit(playground, ann, "second wording", 2)
    playground.store.arrive()
    playground.advance()
    (page,) = [answer for answer in ann.ben.of(m.Ok) if answer.id == 70]
    assert not any(b"first wording" in bytes(event) for event in page.events)


def test_a_removal_goes_on_from_there_in_whatever_order(playground, ann):
    edit(playground, ann, "second wording", 2)
    ann.say(
        m.Edit(id=61, n=3, room="#tea", seq=SAID, text="third wording"),
        m.Remove(id=62, room="#tea", seq=SAID),
    )
    playground.advance(1)
    assert not ann.of(m.Error)
    assert [event["kind"] for event in history(playground, ann).values()][2:] == ["removed"] * 3 + ["remove"]
    assert in_store(playground, "wording") == []
    assert edit(playground, ann, "fourth", 4).code == Code.NO_SUCH_EVENT


def test_a_file_keeps_its_bytes_and_a_reply_its_thread(playground, ann):
    ask(playground, ann, m.Send(id=40, n=2, room="#tea", text="a reply", ref=SAID))
    assert ask(playground, ann, m.Edit(id=41, n=3, room="#tea", seq=4, text="better")).seq == 5
    reply = history(playground, ann)[4]
    assert (reply["ref"], reply["thread"], reply["edited"]) == (SAID, SAID, 5)
    assert "text" not in reply
    page = ask(playground, ann, m.History(id=42, room="#tea", present=True, thread=SAID))
    assert [json.loads(bytes(raw))["seq"] for raw in page.events] == [SAID, 4]


def test_of_what_was_erased_no_check_is_kept_and_who_saw_it_goes_on(playground, ann):
    ben = ann.ben
    ben.transport.loseConnection()
    playground.advance(0.2)
    log = playground.server.hub.world.rooms["#tea"].log
    trail = [(seq, known_check_of(log.recall(seq))) for seq in (SAID, 2)]
    assert all(check for _, check in trail)
    edit(playground, ann, "second wording", 2)
    assert log.check(SAID) == ""
    again = come_in(
        playground,
        token=ben.of(m.Welcome)[0].token,
        cursors={"#tea": SAID},
        trails={"#tea": trail},
        wait=0.5,
    )
    (state,) = again.of(m.Welcome)[0].rooms
    assert (state.restored, state.cursor) == (False, SAID)
    assert [event.seq for event in again.of(m.Event)] == [4]


def test_where_they_are_kept_nothing_changes_and_a_reload_decides_for_what_comes():
    playground = begun()
    come_in(playground, "ben", m.Join(id=1, room="#tea"))
    playground.advance()
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "first wording"))
    playground.advance()
    edit(playground, ann, "second wording", 2)
    assert in_store(playground, "first wording") == [SAID]
    world = playground.server.hub.world
    world.terms = dataclasses.replace(world.terms, keep_edits=False)
    edit(playground, ann, "third wording", 3)
    assert in_store(playground, "first wording") == in_store(playground, "second wording") == []


def test_what_is_searched_is_the_last_wording(playground, ann):
    edit(playground, ann, "second wording", 2)
    found = ask(playground, ann, m.Search(id=80, query="second"))
    assert [json.loads(bytes(hit.event))["seq"] for hit in found.hits] == [SAID]
    assert ask(playground, ann, m.Search(id=81, query="first")).hits in (None, [])
