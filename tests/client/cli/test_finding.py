"""Searching at the console and in the shell: what is typed, what is found, and the way to its place."""

import json
from dataclasses import replace

import pytest

from chatd.client.cli.finding import BEHIND, hit_line, how_to_get
from chatd.client.values import Hit
from chatd.wire.messages import Event, File
from tests.client.cli.sitting import seated


@pytest.fixture
def people(world):
    """Seat ann and ben, who talk in #tea and with each other; ann is in #cake, too."""
    with seated(world, "ann", "ben") as people:
        people["ann"].type("one cup")
        people["ben"].type("two cups, one cup more")
        people["ann"].type("/msg ben a cup for you")
        people["ann"].type("/join #cake")
        people["ann"].type("a cup of flour")
        yield people


def told(lines):
    """Return lines about events without their times and days."""
    return [line for line in lines if not line.startswith("-- ")]


def test_what_is_found_is_listed_with_its_place_the_newest_below(people):
    ann, ben = people.values()
    found = ann.type("/search cup")
    assert told(found) == [
        "#tea 3 <ann> one cup",
        "#tea 4 <ben> two cups, one cup more",
        "@ben 1 <ann> a cup for you",
        "#cake 2 <ann> a cup of flour",
    ]
    assert "/jump [#room] number" in found[-1]
    assert told(ben.type("/search cup from:ann")) == ["#tea 3 <ann> one cup", "@ann 1 <ann> a cup for you"]
    assert told(ann.type('/search "cup of" in:#cake')) == ["#cake 2 <ann> a cup of flour"]
    assert ann.type("/search saucer") == ["Nothing was found."]


def test_what_was_edited_is_found_by_what_it_says_now(people):
    ann = people["ann"]
    ann.type("/edit a mug of flour")
    assert told(ann.type("/search mug")) == ["#cake 2 <ann> a mug of flour (edited)"]


def test_a_search_goes_on_to_earlier_ones(people):
    ann = people["ann"]
    for number in range(25):
        ann.type(f"spoon {number}")
    first = ann.type("/search spoon")
    assert [line.split()[-1] for line in told(first)] == [str(number) for number in range(5, 25)]
    assert "for earlier ones: /search" in first[-1]
    assert [line.split()[-1] for line in told(ann.type("/search"))] == [str(number) for number in range(5)]
    assert ann.type("/search") == ["chatc: There is no search to go on with; write /search words"]


def test_what_is_not_indexed_yet_is_told_of_whichever_page_would_have_it(people, world, monkeypatch):
    """The newest are looked at one by one, then comes what lacks: earlier pages are complete again."""
    store = world.store
    search = store.search

    def page_of_one(query, scopes, before, limit, done):
        def found(page):
            done(replace(page, hits=[], behind=before is None))

        search(query, scopes, before, 1, found)

    monkeypatch.setattr(store, "search", page_of_one)
    assert people["ann"].type("/search cup") == [BEHIND, "Nothing was found."]


def test_one_jumps_to_the_place(people):
    ann = people["ann"]
    lines = ann.type("/jump #tea 3")
    assert "#tea 3 <ann> one cup" in lines
    assert "#tea 4 <ben> two cups, one cup more" in lines
    assert "#tea <ann> here" in ann.type("here"), "and one talks there"
    assert "#tea 3 <ann> one cup" in ann.type("/jump 3")
    assert "Write /jump [#room] number" in ann.type("/jump #tea")[-1]
    assert "There is no room #nowhere" in ann.type("/jump #nowhere 3")[-1]


def test_a_jump_promises_only_what_there_is(people):
    ann = people["ann"]
    assert ann.type("/jump #tea 3")[-1] == "-- that is all of #tea --"
    assert "Event 999 is not in #tea; above are the nearest ones." in ann.type("/jump 999")
    ann.type(*(f"spoon {number}" for number in range(40)))
    lines = ann.type("/jump 5")
    assert lines[-1] == "-- later: /jump 24 --"
    assert {"#tea  9 <ann> spoon 4", "#tea 10 <ann> spoon 5"} < set(lines), "numbers stand below each other"
    assert ann.type("/jump 24")[-1] == "-- earlier: /history 20 14; later: /jump 43 --"
    assert ann.type("/jump 43")[-1] == "-- earlier: /history 20 25 --"


def test_a_file_that_was_found_is_got_from_where_it_is(people):
    file = File(name="cup.jpg", size=1, sha256="0" * 64)
    posted = Event(room="#tea", seq=7, ts=0, kind="file", by="ann", file=file)
    ann = people["ann"]
    assert hit_line(Hit(posted, "#cake"), how_to_get(ann.talk, "#cake", 7)).endswith("cup.jpg (1 B): /get 7")
    assert hit_line(Hit(posted, "#tea"), how_to_get(ann.talk, "#tea", 7)).endswith(
        ": /jump #tea 7, then /get 7"
    )
    assert hit_line(Hit(posted, "#hall"), how_to_get(ann.talk, "#hall", 7)).endswith(": chatc get '#hall' 7")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('/search "open', "quotation mark is missing"),
        ("/search before:yesterday", "before: needs a date"),
        ("/search cup in:#nowhere", "There is no room #nowhere"),
    ],
)
def test_a_query_that_cannot_be_answered_gets_a_sentence(people, typed, said):
    assert said in people["ann"].type(typed)[-1]


def test_the_shell_finds_it_too(run):
    for room, text in (("#a", "one cup"), ("#b", "two cups"), ("#a", "a third cup")):
        assert run("send", room, text) == (0, "", "")
    status, out, err = run("search", "cup")
    assert (status, err) == (0, "")
    assert [line.split(" ", 1)[1].split("> ")[1] for line in out.splitlines() if "cup" in line] == [
        "one cup",
        "a third cup",
    ]
    assert "#a 2 <" in out
    status, out, err = run("search", "--json", "--in", "#b", "cups")
    assert (status, err) == (0, "")
    (line,) = map(json.loads, out.splitlines())
    assert (line["room"], line["text"]) == ("#b", "two cups")
    assert run("search", "zzzz") == (0, "", "chatc: Nothing was found.\n")
    status, out, err = run("search", '"open')
    assert (status, out) == (1, "")
    assert "quotation mark is missing" in err
