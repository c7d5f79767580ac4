"""Files at a console, and how far they are, as people and programs are shown."""

import io
import json
import os
import re
import sys

import pytest
from rich.console import Console

from chatd.client.cli.displays import JsonLines, Nothing, PlainLines, choose
from chatd.client.cli.meter import Meter
from chatd.client.cli.progress import Bars
from chatd.client.cli.rows import Row, Rows
from chatd.client.cli.slash import first_word
from chatd.client.cli.which import Which, which_file
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Stage, Transfer
from tests.client.cli.sitting import Person
from tests.client.entering import Room

SEND = {"key": 1, "sending": True, "name": "report.pdf", "room": "#a"}


def transfer(stage=Stage.SENDING, done=0, size=1000, **more):
    return Transfer(**{**SEND, "stage": stage, "done": done, "size": size, **more})


# ---- a console --------------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Room(tmp_path)
    yield made
    for client in made.clients:
        client.stop()
    made.advance(3)


def sit(room, nick, slot=None):
    """Seat somebody at a console."""
    person = Person(room, room.enter(nick, slot=slot))
    room.advance(1)
    return person


def test_a_file_is_put_and_got(room):
    ann, bob = sit(room, "ann"), sit(room, "bob")
    data = bytes(range(250)) * 20  # random ones would rarely have a digest that begins like a number
    room.file("a b.png", data)
    shown = ann.type('/put "a b.png" Look at this')
    assert shown == ["#a <ann> posts a b.png (5.0 kB, image/png): /get 3\n      Look at this"]
    assert bob.paper.lines[-1:] == shown
    (room.folder / "down").mkdir()
    assert bob.type("/get 3 down") == [f"a b.png is saved: {room.folder}/down/a b.png"]
    assert (room.folder / "down" / "a b.png").read_bytes() == data
    digest = room.posted[0].file.sha256
    assert bob.type(f"/get {digest[:10]}") == [f"a b (1).png is saved: {room.folder}/a b (1).png"]
    for person in (ann, bob):
        person.leave()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/put", "chatc: Write /put file [caption]"),
        ("/put it's", "chatc: Write /put file [caption]"),
        ("/put none.txt", "chatc: none.txt cannot be read: No such file or directory."),
        ("/put .", "chatc: . is a folder; pack it into one file first, with tar or zip."),
        ("/get", "chatc: Write /get number [path]"),
        ("/get 1 a b", "chatc: Write /get number [path]"),
        (
            "/get word",
            "chatc: 'word' names no file; write its event's number, or 8 digits or more of its SHA-256.",
        ),
        ("/get 99", "chatc: none"),
    ],
)
def test_mistakes_are_one_sentence(room, line, said):
    ann = sit(room, "ann")
    assert ann.type(line) == [said]
    ann.leave()


def test_how_far_a_file_is_stands_above_the_prompt(room):
    ann = sit(room, "ann")
    room.world.network.latency = 0.05
    room.file("x", os.urandom(100_000))
    ann.type("/put x", wait=0.5)
    before = ann.paper.painted
    room.advance(1)
    assert 0 < ann.paper.painted - before <= 6
    (row,) = ann.talk.waiting_rows()
    assert re.fullmatch(r"sending x \d\d? %, \d+ kB of 100 kB, \d+ kB/s, 0:0\d left", row)
    room.cut()
    room.world.network.refusing = True
    room.advance(0.5)
    assert ann.talk.waiting_rows()[0].startswith("waiting for the link x ")
    room.world.network.refusing = False
    room.advance(10)
    assert ann.talk.waiting_rows() == ()
    assert ann.paper.lines[-1].startswith("#a <ann> posts x (100 kB): /get ")
    before = ann.paper.painted
    room.advance(1)
    assert ann.paper.painted == before
    ann.leave()


def test_a_leave_waits_for_the_files_before_it(room):
    ann, bob = sit(room, "ann"), sit(room, "bob")
    room.file("a.png", os.urandom(200_000))
    ann.talk.line("/put a.png")
    said = ann.type("/leave", "not held up by the file", wait=0)
    assert "chatc: You leave #a once a.png is posted there; /cancel gives up a file." in said
    room.advance(20)
    assert [line.partition(": ")[0] for line in bob.paper.lines[-2:]] == [
        "#a <ann> not held up by the file",
        "#a <ann> posts a.png (200 kB, image/png)",
    ]
    assert ann.talk.prompt() == "> "


def test_a_leave_waits_no_more_for_a_file_that_is_given_up(room):
    ann = sit(room, "ann")
    room.file("a.png", os.urandom(200_000))
    ann.talk.line("/put a.png")
    ann.talk.line("/leave")
    ann.type("/cancel", wait=2)
    assert ann.talk.prompt() == "> "
    assert not room.posted


def test_a_file_that_is_left_goes_on_when_chatc_runs_again(room):
    ann = sit(room, "ann", slot=room.slot())
    room.world.network.latency = 0.05
    room.file("x", os.urandom(100_000))
    ann.type("/put x caption", wait=0.5)
    ann.leave()
    assert ann.paper.lines[-1] == "chatc: 1 file is not sent yet; it goes on when chatc runs again."
    room.advance(0.1)
    ann.client.stop()
    room.advance(3)
    room.clients.remove(ann.client)
    assert not room.posted
    again = sit(room, "ann", slot=room.slot())
    assert f"chatc: Going on with {room.folder}/x for #a." in again.paper.lines
    room.advance(10)
    assert [event.text for event in room.posted] == ["caption"]
    again.leave()


def test_a_file_can_be_given_up_for_good(room):
    ann = sit(room, "ann", slot=room.slot())
    room.world.network.latency = 0.05
    for name in ("x", "y z"):
        room.file(name, os.urandom(100_000))
        ann.type(f"/put '{name}'", wait=0.3)
    assert ann.type("/cancel 'y z'") == ["chatc: y z is given up."]
    assert [transfer.name for transfer in ann.client.files.transfers()] == ["x"]
    assert ann.type("/cancel none") == ["chatc: No file called none is on its way."]
    assert ann.type("/cancel") == ["chatc: x is given up."]
    assert ann.type("/cancel") == ["chatc: No file is on its way."]
    room.advance(2)
    assert not room.posted
    assert not room.factory.made[0].conn.coming
    assert ann.client.files._notes.kept() == {}
    ann.leave()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.pdf", ("a.pdf", "")),
        ("a.pdf here it is", ("a.pdf", "here it is")),
        ('"a b.pdf" here', ("a b.pdf", "here")),
        ("a\\ b.pdf x", ("a b.pdf", "x")),
        ("'a b'.pdf it's", ("a b.pdf", "it's")),
        ("'a", ("", "")),
        ("", ("", "")),
    ],
)
def test_first_words(text, words):
    assert first_word(text) == words


def test_which_file():
    assert which_file("12") == Which(seq=12)
    assert which_file("ABCDEF12") == Which(file="abcdef12")
    assert which_file("1" * 64) == Which(file="1" * 64)
    for wrong in ("", "-1", "abc", "x" * 10, "١٢"):
        with pytest.raises(ClientError):
            which_file(wrong)


# ---- how far it is ----------------------------------------------------------------------------------------


def test_a_meter_measures_the_last_seconds():
    meter = Meter()
    assert meter.rate is None
    for second in range(20):
        meter.feed(float(second), second * 100 if second < 10 else 900 + (second - 9) * 1000)
    assert meter.rate == 1000
    assert meter.left(10_900 + 5000) == 5
    meter.feed(20.0, 0)
    assert meter.rate is None
    meter.feed(21.0, 0)
    assert meter.left(10) is None


def test_hundred_percent_means_done():
    rows = [Row(transfer(stage, done=1000)) for stage in (Stage.SENDING, Stage.VERIFYING, Stage.POSTING)]
    assert [row.percent for row in rows] == [99, 99, 99]
    assert Row(transfer(Stage.DONE, 1000)).percent == 100
    assert Row(transfer(Stage.DONE, 0, 0)).percent == 100
    assert Row(transfer(Stage.SENDING, 0, 0)).percent == 0


def test_a_row_tells_all_of_it():
    rows = Rows()
    rows.of([transfer(done=100)], 0.0)
    (row,) = rows.of([transfer(done=300)], 1.0)
    assert row.line == "sending report.pdf 30 %, 300 B of 1.0 kB, 200 B/s, 0:03 left"
    (row,) = rows.of([transfer(Stage.FAILED, 300, reason="The disk is full.")], 2.0)
    assert row.line == "report.pdf failed: The disk is full. 30 %, 300 B of 1.0 kB"
    (row,) = rows.of([transfer(Stage.OFFERING, sending=False, size=None, name="12")], 2.0)
    assert row.line == "asking 12"
    assert "\x1b" not in Row(transfer(name="x\x1b[2J", reason="\x1b")).line


def test_plain_lines_come_once_for_every_tenth():
    said = []
    plain = PlainLines(said.append)
    for done in range(0, 1001, 5):
        plain.show([Row(transfer(done=done))])
    plain.show([Row(transfer(Stage.DONE, 1000))])
    assert len(said) == 11
    assert said[0].startswith("sending report.pdf 0 %")
    assert said[-1].startswith("done report.pdf 100 %")


def test_where_nobody_looks_only_what_is_in_the_way_is_said(capfd):
    nothing = Nothing()
    for reason in ("", "The disk is full.", "The disk is full.", ""):
        nothing.show([Row(transfer(Stage.OFFERING, reason=reason))])
    nothing.show([Row(transfer(Stage.FAILED, reason="told elsewhere"))])
    assert capfd.readouterr() == ("", "chatc: report.pdf: The disk is full. It is tried again.\n")


@pytest.mark.parametrize(
    ("looks", "term", "installed", "kind"),
    [
        (False, "xterm", True, Nothing),
        (True, "dumb", True, PlainLines),
        (True, "xterm", False, PlainLines),
        (True, "xterm", True, Bars),
    ],
)
def test_which_display_it_is(monkeypatch, looks, term, installed, kind):
    monkeypatch.setattr(os, "isatty", lambda _: looks)
    monkeypatch.setenv("TERM", term)
    if not installed:
        monkeypatch.setitem(sys.modules, "chatd.client.cli.progress", None)
    assert type(choose(None, None)) is kind


def test_json_lines_come_once_a_second_and_at_every_change():
    lines, now = [], [0.0]
    display = JsonLines(lines.append, lambda: now[0])
    for tenth in range(30):
        now[0] = tenth / 10
        display.show([Row(transfer(done=tenth))])
    display.show([Row(transfer(Stage.DONE, 1000, seq=7))])
    found = [json.loads(line) for line in lines]
    assert [line["state"] for line in found] == ["sending"] * 3 + ["done"]
    assert found[-1] == {
        "file": "report.pdf",
        "room": "#a",
        "state": "done",
        "size": 1000,
        "done": 1000,
        "percent": 100,
        "rate": None,
        "left": None,
        "seq": 7,
        "path": "",
        "reason": "",
    }


def test_bars_show_a_row_for_each_and_nothing_that_a_terminal_obeys():
    paper = io.StringIO()
    bars = Bars(Console(file=paper, force_terminal=True, width=100, color_system=None, legacy_windows=False))
    bars.show([Row(transfer(done=450), 100.0, 5.5), Row(transfer(key=2, name="[red]x\x1b[2J"))])
    bars.note("lost the link")
    bars.show([Row(transfer(Stage.DONE, done=1000)), Row(transfer(Stage.FAILED, key=2, reason="full"))])
    bars.close()
    text = paper.getvalue()
    assert "report.pdf" in text
    assert "45 %" in text
    assert "100 B/s, 0:05 left" in text
    assert "[red]x␛[2J" in text
    assert "chatc: lost the link" in text
    assert "failed: full" in text
    assert "100 %" in text
