"""Removing what was said, from the console and the shell: what is typed, and what everybody sees of it."""

import json

import pytest

from chatd.client.cli.jsonlines import event_line
from chatd.client.cli.text import event_lines
from chatd.wire.messages import Event
from tests.client.cli.sitting import seated


@pytest.fixture
def people(world):
    """Seat ann, who owns #tea, and ben, who is there too."""
    with seated(world, "ann", "ben") as people:
        yield people


def test_what_one_said_is_listed_removed_and_gone_from_history(people):
    ann, ben = people.values()
    assert ann.type("/remove") == ["Nothing that could be removed was said in #tea lately."]
    ann.type("my secret")
    ben.type("hello")
    listed = ann.type("/remove")
    assert [line.split() for line in listed][:2] == [["3", "<ann>", "my", "secret"], ["4", "<ben>", "hello"]]
    assert "/remove number [reason]" in listed[-1]
    assert "#tea * ann removed event 3: a slip" in ann.type("/remove 3 a slip")
    assert "#tea * ann removed event 3: a slip" in ben.paper.lines
    told = ben.type("/history")
    assert "#tea 3 <ann> (removed by ann: a slip)" in told
    assert not [line for line in told if "my secret" in line]
    assert not [line for line in ann.type("/remove") if "my secret" in line]


@pytest.mark.parametrize("typed", ["/remove it", "/remove ٣", "/remove 99999999999999999999"])
def test_what_is_no_number_is_refused(people, typed):
    assert "Write /remove [number [reason]]" in people["ann"].type(typed)[-1]


def test_a_refusal_is_told(people):
    ann, ben = people.values()
    ann.type("mine")
    assert "Only who said it may remove that, or the moderators of #tea." in ben.type("/remove 3")[-1]
    assert "There is no such event in #tea" in ben.type("/remove 300")[-1]


def test_a_removal_whose_answer_was_lost_is_asked_again(people, world):
    ann = people["ann"]
    ann.type("mine")
    told = []
    world.network.cut("down")
    ann.client.remove("#tea", 3, "slip").addCallback(told.append)
    world.advance(1)
    room = world.server.hub.world.rooms["#tea"]
    assert (room.log.head, told) == (4, [])
    world.network.heal()
    world.advance(40)
    assert (room.log.head, told) == (4, [4])


def test_programs_read_what_it_refers_to():
    event = Event(room="#tea", seq=9, ts=7000, kind="remove", by="ann", ref=3, reason="slip")
    told = json.loads(event_line(event, "#tea"))
    assert [told[key] for key in ("seq", "by", "kind", "reason", "ref")] == [9, "ann", "remove", "slip", 3]
    many = Event(room="#tea", seq=9, ts=7000, kind="remove", by="ann", refs=(3, 4))
    assert json.loads(event_line(many, "#tea"))["refs"] == [3, 4]
    assert event_lines(many, "#tea")[6:] == "#tea * ann removed 2 events"


def test_what_was_removed_obeys_no_terminal():
    event = Event(room="#tea", seq=9, ts=7000, kind="removed", by="ann", ref=9, value="b\x1bn", reason="\x07")
    assert event_lines(event, "#tea")[6:] == "#tea <ann> (removed by b␛n: ␇)"
