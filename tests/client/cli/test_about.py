"""Editing, replying, reacting and pinning at the console: what is typed, and what everybody sees of it."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.about import show_page, words
from chatd.client.cli.colours import MANY, decorated
from chatd.client.cli.jsonlines import event_line
from chatd.client.cli.reacting import reacting_text
from chatd.client.cli.recent import MOST, WIDTH, Recent
from chatd.client.cli.text import event_lines
from chatd.client.values import Page
from chatd.wire.messages import Became, Event, File
from tests.client.cli.sitting import Person, seated
from tests.client.entering import make_client


@pytest.fixture
def people(world):
    """Seat ann, who owns #tea and has said event 3, and ben, who is there too."""
    with seated(world, "ann", "ben") as people:
        people["ann"].type("helo")
        yield people


def test_the_last_message_is_edited_and_everybody_sees_what_it_said(people):
    ann, ben = people.values()
    assert "#tea <ann> * hello (was: helo)" in ann.type("/edit hello")
    assert "#tea <ann> * hello (was: helo)" in ben.paper.lines
    told = ben.type("/history")
    assert "#tea 3 <ann> hello (edited)" in told, "history shows what it says now"
    assert not [line for line in told if "was" in line]
    assert "#tea <ann> (to 3 ann: hello) yes" in ben.type("/reply 3 yes") + ann.type("/reply 3 yes"), (
        "not edited"
    )
    assert "#tea <ann> * hello! (was: hello)" in ann.type("/edit 3 hello!")


def test_only_own_messages_are_meant_without_a_number(people):
    ann, ben = people.values()
    assert "There is nothing of that kind" in ben.type("/edit mine")[-1]
    ben.type("of ben")
    ann.type("/edit hello")
    assert "#tea 4 <ben> of ben" in ann.type("/history")
    listed = ann.type("/edit")
    assert [line.split() for line in listed[:-1]] == [["3", "<ann>", "hello"]]
    assert "/edit number text" in listed[-1]
    assert "Only who said it may edit that; reply to it." in "".join(ben.type("/edit 3 no"))


def test_a_reply_names_what_it_answers_and_a_thread_is_read(people):
    ann, ben = people.values()
    listed = ben.type("/reply")
    assert [line.split() for line in listed[:-1]] == [["3", "<ann>", "helo"]]
    assert "#tea <ben> (to 3 ann: helo) what?" in ben.type("/reply 3 what?")
    assert "#tea <ben> (to 3 ann: helo) what?" in ann.paper.lines
    ann.type("beside the point")
    ann.type("/reply 4 hello, I mean")
    told = ben.type("/thread 3")
    assert [line for line in told if "beside" in line] == []
    assert "#tea 3 <ann> helo" in told
    assert "#tea 6 <ann> (to 4 ben: what?) hello, I mean" in told
    assert "/reply 3 text" in told[-1]


def test_a_thread_that_is_none_is_told(people):
    ann, ben = people.values()
    assert ben.type("/thread 999") == ["chatc: There is no message 999 in #tea."]
    assert ben.type("/thread 1") == ["chatc: There is no message 1 in #tea."], "it is a join"
    assert "Nothing replies to it" in ben.type("/thread 3")[-1]
    ann.type("/reply 3 yes?", "/reply 4 hello")
    assert ben.type("/thread 5") == ben.type("/thread 3"), "a reply names its thread"


def test_reactions_are_told_and_counted(people):
    ann, ben = people.values()
    assert "#tea * ben reacts with 👍 to 3 ann: helo" in ben.type("/react 👍")
    ann.type("/react 3 👍")
    told = ben.type("/history")
    assert told[told.index("#tea 3 <ann> helo") + 1].strip() == "👍 2*"
    assert "#tea * ben takes 👍 back from 3 ann: helo" in ben.type("/unreact 3 👍", wait=4)
    assert ben.type("/unreact 3 👍") == ["You have not reacted to 3 with 👍."]
    assert ann.type("/react 3 👍") == ["You have already reacted to 3 with 👍."]
    assert "That is no emoji" in "".join(ben.type("/react 3 nice"))
    assert "Write /react number emoji" in ben.type("/react")[-1]


def test_pins_are_set_told_shown_and_taken_away(people):
    ann, ben = people.values()
    assert "Nothing is pinned in #tea." in ben.type("/pins")
    assert "#tea * ann pinned 3 ann: helo" in ann.type("/pin 3")
    assert "#tea 3 <ann> helo" in ben.type("/pins")
    assert "#tea * ann unpinned 3 ann: helo" in ann.type("/unpin 3")
    assert "Only its moderators may do that in #tea." in ben.type("/pin 3")[-1]


def test_who_ends_behind_a_pin_waits_until_it_is_done(people):
    ann, ben = people.values()
    ann.talk.line("/pin 3")
    ann.talk.line("/quit")
    assert not ann.talk.over.called
    ann.world.advance(0.5)
    assert ann.talk.over.called
    assert "#tea * ann pinned 3 ann: helo" in ben.paper.lines


def test_what_is_typed_without_a_link_is_said_in_its_turn(people, world):
    ann, ben = people.values()
    world.crash_server()
    world.advance(1)
    assert ann.type("first", "/edit 3 hello", "/react 3 🍵") == [], "they are shown as queued"
    assert "/thread is asked as soon as" in ann.type("/thread 3")[-1]
    ann.type("last")
    world.start_server()
    world.advance(30)
    words = ("first", "hello", "🍵", "last")
    told = [line for line in ben.paper.lines if any(word in line for word in words)]
    assert told == [
        "#tea <ann> first",
        "#tea <ann> * hello (was: helo)",
        "#tea * ann reacts with 🍵 to 3 ann: hello",
        "#tea <ann> last",
    ]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("3 a b", (3, "a b")),
        ("a 3", (0, "a 3")),
        ("", (0, "")),
        ("٣ a", (0, "٣ a")),
        ("9" * 20, (0, "9" * 20)),
    ],
)
def test_a_number_comes_first(typed, meant):
    assert tuple(words(typed)) == meant


def referring(kind, **fields):
    return Event(room="#tea", seq=9, ts=0, kind=kind, by="ben", ref=3, **fields)


def test_nothing_said_in_a_name_or_an_emoji_reaches_the_terminal():
    for kind in ("message", "edit", "react", "unreact", "pin", "unpin"):
        event = referring(kind, text="a\x1b[31mb", value="\x1b[31m\n")
        lines = event_lines(event, "#tea", about=Recent().words("#tea", 3))
        assert "\x1b" not in lines
        assert "event 3" in lines


def test_what_is_referred_to_is_known_by_its_beginning_and_forgotten_in_time():
    recent = Recent()
    recent.add("#tea", Event(room="#tea", seq=3, ts=0, kind="message", by="an\x1bn", text="x\n" * 50))
    words = recent.words("#Tea", 3)
    assert "\x1b" not in words
    assert len(words) < WIDTH + 10
    assert len(recent.text("#tea", 3)) == WIDTH, "and ends with an ellipsis"
    recent.add("#tea", referring("edit", text="y"))
    assert recent.words("#tea", 3).endswith(": y")
    for seq in range(4, MOST + 5):
        recent.add("#tea", Event(room="#tea", seq=seq, ts=0, kind="message", by="b", text="z"))
    assert recent.words("#tea", 3) == "event 3"
    recent.add("#tea", Event(room="#tea", seq=MOST + 6, ts=0, kind="remove", by="b", ref=MOST))
    assert recent.words("#tea", MOST) == f"event {MOST}"


def test_programs_get_references():
    line = json.loads(event_line(referring("message", text="a", thread=2), "#tea"))
    assert (line["ref"], line["thread"]) == (3, 2)
    assert json.loads(event_line(referring("react", value="👍"), "#tea"))["value"] == "👍"


def test_a_line_that_mentions_us_stands_out(people):
    ann, ben = people.values()
    ben.type("nothing of note", "@ann, look")
    ann.type("@room, look!", "@ann that is me")
    assert [line[6:] for line in ann.paper.loud] == ["#tea <ben> @ann, look"]
    assert [line[6:] for line in ben.paper.loud] == ["#tea <ann> @room, look!"]


def test_what_stands_out_ends_with_its_line():
    line = decorated("12:00 #tea <ben> @ann\n      look", "ben", MANY, loud=True)
    assert all(one.startswith("\x1b[1m") and one.endswith("\x1b[0m") for one in line.split("\n"))
    assert re.sub("\x1b\\[[0-9;]*m", "", line) == "12:00 #tea <ben> @ann\n      look"


def test_a_caption_that_was_taken_away_is_not_shown(people):
    ann = people["ann"]
    file = File(name="a.jpg", size=1, sha256="0" * 64)
    posted = Event(room="#tea", seq=3, ts=0, kind="file", by="ann", text="old caption", file=file)
    before = len(ann.paper.lines)
    show_page(ann.talk, Page([posted], more=False, at=4, became={3: Became(seq=3, edit=4)}), "#tea")
    told = "".join(ann.paper.lines[before:])
    assert "old caption" not in told
    assert "(edited)" in told


# ---- numbers, edits and reactions on lines that come ------------------------------------------------------


def test_a_line_that_comes_has_the_number_that_commands_take(people):
    ann, ben = people.values()
    assert ben.paper.numbered == ["#tea 3 <ann> helo"], "and joins have none"
    ben.type("/reply 3 what?")
    assert ann.paper.numbered[-1] == "#tea 4 <ben> (to 3 ann: helo) what?"
    ann.type("/edit 3 hello")
    assert ben.paper.numbered[-1] == "#tea 3 <ann> * hello (was: helo)", "an edit has that of what it edits"


def test_programs_see_no_numbers_of_their_own(people, world):
    ann = people["ann"]
    bot = Person(world, make_client(world, "bot"), interactive=False)
    bot.client.start()
    world.advance(0.5)
    bot.type("/join #tea")
    ann.type("for programs", "/react 🍵")
    assert bot.paper.shown[-2:] == [
        "#tea <ann> for programs",
        "#tea * ann reacts with 🍵 to 5 ann: for programs",
    ]
    assert bot.paper.numbered == []
    bot.leave()
    bot.client.stop()


def test_reactions_of_one_second_are_one_line(people):
    ann, ben = people.values()
    before = len(ann.paper.shown)
    for line in ("/react 3 👍", "/react 3 ❤", "/react 3 🍵", "/unreact 3 🍵"):
        ben.type(line, wait=0.01)
    ann.type("/react 3 👍", wait=1.5)
    assert ann.paper.shown[before:] == [
        "#tea * ben reacts with 👍 to 3 ann: helo",
        "#tea * ben reacts with ❤, ann reacts with 👍 to 3 ann: helo",
    ]


def test_the_more_reactions_the_further_apart_are_their_lines(people):
    ann, ben = people.values()
    before = len(ann.paper.shown)
    for n in range(40):
        ben.type(f"/react 3 :r{n}:")
    assert len(ann.paper.shown) - before == 5, "at once, then after 1, 2, 4 and 8 s"
    assert all(":r" in line for line in ann.paper.shown[before:])


def test_reactions_that_are_held_are_shown_at_the_end(people):
    ann, ben = people.values()
    ben.type("/react 3 👍", "/react 3 ❤", wait=0.01)
    assert "❤" not in "".join(ann.paper.shown)
    ann.hearing.finish()
    assert ann.paper.shown[-1] == "#tea * ben reacts with ❤ to 3 ann: helo"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("👍❤🍵"), st.booleans()), max_size=30))
def test_what_many_have_done_is_told_as_what_it_comes_to(done):
    have, events = set(), []
    for by, value, on in done:
        if on != ((by, value) in have):  # the server makes no event of what is so already
            (have.add if on else have.discard)((by, value))
            kind = "react" if on else "unreact"
            events.append(Event(room="#t", seq=9, ts=0, kind=kind, by=by, ref=3, value=value))
    line = reacting_text(events, "3")
    assert bool(line) == bool(have)
    assert "back" not in line
    assert all(value in line for _, value in have)
    assert len(line) < 160


def test_the_words_for_many_reactions_are_few():
    people = [Event(room="#t", seq=9, ts=0, kind="react", by=f"p{n}", ref=3, value="👍") for n in range(9)]
    back = Event(room="#t", seq=9, ts=0, kind="unreact", by="ann", ref=3, value="❤")
    assert reacting_text([*people, back], "3 ben: hi") == (
        "* p0, p1, p2 and 6 more react with 👍 to 3 ben: hi; ann takes ❤ back"
    )
    assert reacting_text([back], "3 ben: hi") == "* ann takes ❤ back from 3 ben: hi"
    others = [Event(room="#t", seq=9, ts=0, kind="react", by="a", ref=3, value=f":{n}:") for n in range(6)]
    assert reacting_text(others, "3").endswith("a reacts with :3:, and 2 others to 3")


def test_the_number_is_faint_and_nothing_else_of_its_digits():
    line = decorated("12:03 #3 3 <ben> 3 times", "ben", MANY, number=3)
    assert line.startswith("12:03 #3 \x1b[2m3\x1b[0m <")
    assert line.count("\x1b[2m") == 1
    loud = decorated("12:03 #3 3 <ben> @ann", "ben", MANY, loud=True, number=3)
    assert "\x1b[2m3\x1b[0;1m" in loud, "bold goes on behind it"


def test_what_is_not_kept_of_an_earlier_wording_is_said():
    gone = Event(room="#tea", seq=9, ts=0, kind="message", by="ann", edited=12)
    assert event_lines(gone, "#tea").endswith("#tea <ann> (edited)")
    assert event_lines(gone, "#tea", edited=True).count("(edited)") == 1
    assert json.loads(event_line(gone, "#tea"))["edited"] == 12
    assert "edited" not in json.loads(event_line(referring("message", text="a"), "#tea"))
