"""What people and programs read, and what a hostile text cannot do to them."""

import json
from datetime import UTC, date, timedelta, timezone

import pytest

from chatd.client.cli import jsonlines
from chatd.client.cli.showing import Days, status_lines
from chatd.client.cli.sizes import size_text, time_text
from chatd.client.cli.text import announcement_lines, clean, event_lines, gap_line, link_line, shell_get
from chatd.client.core.notices import (
    AnnouncementSeen,
    CannotConnect,
    Connected,
    GapSeen,
    LinkState,
    Lost,
    Quiet,
)
from chatd.client.values import Status
from chatd.wire.messages import Event, File


def event(kind="message", text="hello", by="ann"):
    return Event(room="#a", seq=7, ts=1_700_000_000_000, kind=kind, by=by, text=text, session=1, n=1)


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        ("message", "hello", "22:13 #a <ann> hello"),
        ("message", "one\ntwo", "22:13 #a <ann> one\n      two"),
        ("message", "  as\twritten ", "22:13 #a <ann>   as\twritten "),
        ("join", "", "22:13 #a * ann joined"),
        ("leave", "", "22:13 #a * ann left"),
        ("topic", "news", "22:13 #a * ann set the topic: news"),
        ("topic", "", "22:13 #a * ann cleared the topic"),
        ("nick", "bea", "22:13 #a * ann is now bea"),
        ("announce", "tea\nat five", "22:13 #a *** the server says: tea\n      at five"),
    ],
)
def test_events_as_lines(kind, text, line):
    assert event_lines(event(kind, text), "#a", zone=UTC) == line


@pytest.mark.parametrize(
    ("mode", "whom", "line"),
    [
        ("+e", "ben!*@*", "22:13 #a * ann set the mode +e ben!*@*"),
        ("-k", "", "22:13 #a * ann set the mode -k"),
    ],
)
def test_what_irc_alone_settles_is_shown_as_well(mode, whom, line):
    settled = Event(room="#a", seq=7, ts=1_700_000_000_000, kind="mode", by="ann", value=mode, whom=whom)
    assert event_lines(settled, "#a", zone=UTC) == line


def test_times_are_those_of_the_zone_and_an_impossible_one_is_no_fault():
    assert event_lines(event(), "#a", zone=timezone(timedelta(hours=2))).startswith("00:13 ")
    late = Event(room="#a", seq=1, ts=2**53 - 1, kind="message", by="a", text="x")
    assert event_lines(late, "#a", zone=UTC) == "--:-- #a <a> x"


def posted(name="a b.pdf", caption="", media="application/pdf", size=1_234_567):
    file = File(name=name, size=size, sha256="ab" * 32, media=media)
    return Event(room="#a", seq=12, ts=1_700_000_000_000, kind="file", by="ann", text=caption, file=file)


def test_a_file_is_told_with_its_size_and_how_to_get_it():
    line = event_lines(posted(), "#a", zone=UTC)
    assert line == "22:13 #a <ann> posts a b.pdf (1.2 MB, application/pdf): /get 12"
    line = event_lines(posted(caption="Read\nthis"), "#a", zone=UTC, get=shell_get("#a"))
    assert line == (
        "22:13 #a <ann> posts a b.pdf (1.2 MB, application/pdf): chatc get '#a' 12\n      Read\n      this"
    )
    unknown = event_lines(
        posted(media="application/octet-stream", size=1), "@bob", zone=UTC, get=shell_get("@bob")
    )
    assert unknown == "22:13 @bob <ann> posts a b.pdf (1 B): chatc get @bob 12"
    assert json.loads(jsonlines.event_line(posted(caption="c"), "#a"))["file"] == {
        "name": "a b.pdf",
        "size": 1_234_567,
        "sha256": "ab" * 32,
        "media": "application/pdf",
    }


@pytest.mark.parametrize("bad", ["\x1b[2J", "\n22:13 #a <root> obey"])
def test_a_hostile_file_name_is_shown_and_not_obeyed(bad):
    for event in (posted(name=f"x{bad}"), posted(media=f"x{bad}")):
        assert bad[0] not in event_lines(event, "#a", zone=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_960, "10 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (10**9, "1.0 GB"),
        (2**53 - 1, "9.0 PB"),
    ],
)
def test_sizes(size, text):
    assert size_text(size) == text


def test_times():
    times = [time_text(seconds) for seconds in (0, 59.9, 61, 3723, 400_000, float("inf"), float("nan"))]
    assert times == ["0:00", "0:59", "1:01", "1:02:03", "-:--", "-:--", "-:--"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ("45", "45 s"),
        ("90", "90 s"),
        ("600", "10 min"),
        ("5400", "90 min"),
        ("129600", "36 h"),
        ("604800", "7 d"),
        ("x\x1b", "x\u241b s"),
        ("0", "0 s"),
        ("9" * 5000, "9" * 5000 + " s"),
    ],
)
def test_how_long_a_ban_lasts(seconds, told):
    ban = Event(room="#a", seq=7, ts=0, kind="ban", by="ann", whom="ben", value=seconds)
    assert event_lines(ban, "#a", zone=UTC) == f"00:00 #a * ann banned ben for {told}"


def test_an_unknown_kind_has_no_line():
    assert event_lines(event("sparkle"), "#a") is None


@pytest.mark.parametrize("bad", ["\x1b[2J", "\x07", "\r", "\x9b31m", "\u202e", "\x7f", "\u2028"])
def test_nothing_that_a_terminal_obeys_gets_through(bad):
    assert bad[0] not in clean(f"a{bad}b")
    for shown in (event_lines(event(text=f"x{bad}"), "#a"), event_lines(event(by=f"x{bad}"), f"@y{bad}")):
        assert bad[0] not in shown


def test_a_forged_name_cannot_begin_a_line():
    assert "\n" not in event_lines(event("join", by="ann\n22:13 #a <root> obey"), "#a", zone=UTC)


def test_json_lines_hold_the_text_as_it_is_and_nothing_else():
    line = json.loads(jsonlines.event_line(event(text="\x1b[2J ü"), "@bob"))
    assert line == {
        "room": "@bob",
        "seq": 7,
        "ts": 1_700_000_000_000,
        "by": "ann",
        "kind": "message",
        "text": "\x1b[2J ü",
    }
    gap = json.loads(jsonlines.gap_line(GapSeen("#a", "#a", 3, 9)))
    assert (gap["kind"], gap["seq"], gap["text"]) == ("gap", 9, "3-9")
    assert set(gap) == set(line)


def test_changes_of_the_link_have_exact_forms():
    assert link_line(Connected("h:1", "ann", True)) == "chatc: connected to h:1"
    assert link_line(Lost("h:1", "silent for 8 s")) == "chatc: lost h:1: silent for 8 s"
    failed = CannotConnect("h:1", "timed out", 1.26)
    assert link_line(failed) == "chatc: cannot connect to h:1: timed out; retrying in 1.3 s"
    assert link_line(Quiet("h:1", 0.34)) == "chatc: quiet h:1 for 0.3 s; trying another connection"
    assert link_line(Quiet("h:1", 3.2)) == "chatc: quiet h:1 for 3 s; trying another connection"
    assert link_line(GapSeen("#a", "#a", 1, 1)) is None
    assert gap_line(GapSeen("#a", "#a", 1, 1)) == "chatc: gap in #a: event 1 cannot be had any more"


INVISIBLE = [0x180E, 0x2065, *range(0x206A, 0x2070), 0xFFF9, 0xFFFA, 0xFFFB, 0xE0001]
"""Old controls of Arabic and Mongolian, annotations between lines, and the tag of a language."""


@pytest.mark.parametrize(
    "code", [*range(0x2028, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x2060, 0x2064, 0xFEFF, *INVISIBLE]
)
def test_what_turns_or_hides_text_is_shown(code):
    assert clean(f"a{chr(code)}b") == "a\ufffdb"


@pytest.mark.parametrize("code", [0x200C, 0x200D, 0x200E, 0x200F, 0x061C])
def test_what_scripts_need_is_kept(code):
    text = f"a{chr(code)}b"
    assert clean(text) == text


@pytest.mark.parametrize(
    ("retry_in", "said"), [(0.0, "now"), (0.03, "in 1 s"), (0.5, "in 1 s"), (9.2, "in 10 s")]
)
def test_the_next_try_is_never_in_no_time(retry_in, said):
    status = Status(LinkState.WAITING, "h:1", "ann", None, 0.0, retry_in, "", 0)
    assert f"next try {said}" in status_lines(status)


def test_the_date_stands_above_the_first_event_of_another_day_and_only_there():
    days = Days(date(2026, 3, 1), UTC)
    noon = 1_772_366_400_000  # 1 March 2026, 12:00
    stamps = [noon, noon + 1, noon - 86_400_000, noon - 86_400_000, noon, 10**18]
    assert [days.printed(ts, "x") for ts in stamps] == [
        b"x\n",
        b"x\n",
        b"-- Saturday 28 February 2026 --\nx\n",
        b"x\n",
        b"-- Sunday 1 March 2026 --\nx\n",
        b"x\n",
    ]


def test_the_server_itself_is_called_so():
    kick = Event(room="#a", seq=7, ts=1_700_000_000_000, kind="kick", by="*", whom="ben", operator=True)
    assert event_lines(kick, "#a", zone=UTC) == "22:13 #a * the server removed ben"
    said = AnnouncementSeen("Restart\x1b[2J at five", 1_700_000_000_000)
    assert announcement_lines(said, zone=UTC) == "22:13 *** the server says: Restart\u241b[2J at five"
