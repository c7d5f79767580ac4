"""The log over the control socket: from a cursor on, without a gap or a repeat."""

import json

from chatd.control import messages as c
from chatd.control.cli.tailed import text_of
from chatd.control.messages import Done, Refused
from chatd.control.rows import LogLine


def say(site, *names, **fields):
    site.kept.log += [json.dumps({"time": "T", "level": "info", "event": name, **fields}) for name in names]


def told(asker):
    return [(row.cursor, row.line["event"]) for row in asker.rows(LogLine)]


def test_it_goes_on_from_a_cursor_and_follows(site):
    say(site, *"abcdefgh")
    asker = site.connect()
    asker.ask(c.AskTail(id=1, since=2))
    site.playground.advance(1)
    assert told(asker) == list(zip(range(3, 9), "cdefgh", strict=True))
    say(site, "i")
    site.playground.advance(1)
    assert told(asker)[-1] == (9, "i")
    assert not asker.ended
    asker.transport.abortConnection()
    site.playground.advance(1)
    assert not site.factory.open
    calls = site.playground.clock.getDelayedCalls()
    site.playground.advance(5)
    assert len(site.playground.clock.getDelayedCalls()) <= len(calls)


def test_the_newest_once_and_only_some(site):
    say(site, *"abcdefgh")
    say(site, "client-in", nick="Ann")
    say(site, "client-in", nick="ben")
    rows = site.ask(c.AskTail(since=-4, follow=False), LogLine)
    assert [row.cursor for row in rows] == [7, 8, 9, 10]
    rows = site.ask(c.AskTail(since=0, follow=False, where=["event=client-in", "nick=ann"]), LogLine)
    assert [row.cursor for row in rows] == [9]
    asker = site.connect()
    asker.ask(c.AskTail(id=1, where=["token=x"]))
    site.playground.advance(0.5)
    assert isinstance(asker.ended[0], Refused)


def test_what_is_not_kept_any_more_is_told_and_a_log_begun_anew_is_begun(site):
    say(site, *"abcdef")
    site.kept.gone = 4
    rows = site.ask(c.AskTail(since=1, follow=False), LogLine)
    assert [(row.cursor, row.missing) for row in rows] == [(5, 4), (6, 0)]
    site.kept.log, site.kept.gone = [], 0
    say(site, "x", "y")
    asker = site.connect()
    asker.ask(c.AskTail(id=1, since=6, follow=True))
    site.playground.advance(2)
    assert told(asker) == [(1, "x"), (2, "y")]
    asker = site.connect()
    asker.ask(c.AskTail(id=1, since=6, follow=False))
    site.playground.advance(2)
    assert (told(asker), asker.ended[0].code) == ([], "no-such-cursor")
    assert "last line has 2:" in asker.ended[0].text
    assert site.ask(c.AskTail(since=2, follow=False), LogLine) == []


def test_an_empty_log(site):
    asker = site.connect()
    asker.ask(c.AskTail(id=1, follow=False))
    site.playground.advance(1)
    assert asker.ended == [Done(id=1)]


def test_a_line_for_people():
    line = {"time": "T", "level": "warn", "event": "refused", "text": "No.", "peer": "x", "traceback": "a\nb"}
    assert text_of(LogLine(cursor=1, line=line)) == "T warn refused No. peer=x\n  | a\n  | b"
