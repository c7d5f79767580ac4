"""The two observers: what is said comes out as one line, whoever said it, and where it is wanted."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher, formatEvent
from twisted.python.failure import Failure
from twisted.python.reflect import namedAny
from zope.interface.verify import verifyObject

from chatd.ops import json_lines, text_lines
from chatd.ops.log import Log
from chatd.ops.observers import LEVELS, SINK, Sink

FORGED = "x\n2030-01-01T00:00:00.000+00:00 info start All is well."


class Ears:
    """A log of its own, with both observers listening."""

    def __init__(self, level="info"):
        self.streams = {"text": io.StringIO(), "json": io.StringIO()}
        self.publisher = LogPublisher(
            text_lines(Sink(self.streams["text"], level)), json_lines(Sink(self.streams["json"], level))
        )
        self.logger = Logger("chatd.test", observer=self.publisher)
        self.log = Log("chatd.test", self.logger)

    @property
    def text(self):
        """The lines of text, without their times."""
        lines = self.streams["text"].getvalue().splitlines()
        return [line if line.startswith("  | ") else line.split(" ", 1)[1] for line in lines]

    @property
    def json(self):
        return [json.loads(line) for line in self.streams["json"].getvalue().splitlines()]


@pytest.fixture
def ears():
    return Ears()


def test_an_event_is_one_line(ears):
    ears.log.info("client-in", peer="127.0.0.1:4711", session=7, nick="Ana Ng", resumed=True, software=None)
    assert ears.text == ['info client-in peer=127.0.0.1:4711 session=7 nick="Ana Ng" resumed=true']
    (row,) = ears.json
    assert row.pop("time").endswith("Z")
    assert row == {
        "level": "info",
        "event": "client-in",
        "peer": "127.0.0.1:4711",
        "session": 7,
        "nick": "Ana Ng",
        "resumed": True,
    }
    assert list(ears.json[0])[:3] == ["time", "level", "event"]


def test_times_are_iso_8601_with_milliseconds_and_zone(ears):
    ears.publisher({"log_level": LogLevel.warn, "log_time": 0.25, "log_format": "hi"})
    time = ears.streams["text"].getvalue().split(" ", 1)[0]
    assert len(time) == len("1970-01-01T00:00:00.250+00:00")
    assert ".250" in time
    assert ears.json[0]["time"] == "1970-01-01T00:00:00.250Z"


def test_a_sentence_comes_before_the_fields(ears):
    ears.log.error("storage-unavailable", "The disk is full.", data="/data")
    assert ears.text == ["error storage-unavailable The disk is full. data=/data"]
    assert ears.json[0]["text"] == "The disk is full."


@pytest.mark.parametrize("field", ["nick", "error"])
def test_no_value_ends_a_line(ears, field):
    ears.log.warn("bad-input", FORGED, **{field: FORGED})
    assert len(ears.text) == len(ears.json) == 1
    assert ears.text[0].count("\\n") == 2
    assert ears.json[0][field] == FORGED


@given(st.text(), st.dictionaries(st.sampled_from(["nick", "peer", "error", "token"]), st.text()))
def test_whatever_is_said_is_one_line(sentence, fields):
    ears = Ears()
    ears.log.info("bad-input", sentence, **fields)
    ears.logger.info("{text}", text=sentence)
    lines = ears.streams["text"].getvalue()
    assert len(lines.splitlines()) == lines.count("\n") <= 2
    assert len(ears.streams["json"].getvalue().splitlines()) == lines.count("\n")


def test_what_is_not_on_the_list_is_not_written(ears):
    ears.log.info("client-in", token="secret", nick="Ana")
    ears.logger.info("Hello", password="secret", nick="Ana")
    for stream in ears.streams.values():
        assert "secret" not in stream.getvalue()


def test_tracebacks_have_a_margin(ears):
    try:
        int(FORGED)
    except ValueError:
        ears.log.failure("hub-fault", None, "The hub failed.", room="#a")
    first, *rest = ears.text
    assert first == "critical hub-fault The hub failed. room=#a"
    assert rest[0] == "  | Traceback (most recent call last):"
    assert all(line.startswith("  | ") for line in rest)
    assert "ValueError" in ears.json[0]["traceback"]


@pytest.mark.parametrize("kind", ["an exception", "a failure"])
def test_failures_can_be_handed_over(ears, kind):
    error = ValueError("boo")
    ears.log.failure("hub-fault", error if kind == "an exception" else Failure(error))
    assert ears.text[-1] == "  | builtins.ValueError: boo" or "ValueError: boo" in ears.text[-1]


def test_others_are_readable():
    ears = Ears("debug")
    ears.logger.info("Starting {what}", what="up\nnow")
    ears.logger.failure("While doing it:", Failure(ValueError("boo")))
    ears.publisher({"log_level": LogLevel.info, "log_format": "", "log_namespace": "x"})
    ears.publisher({"log_level": LogLevel.error, "log_format": "printed", "log_namespace": "stderr"})
    ears.publisher({"message": ("legacy",), "isError": 0, "log_format": "{log_text}", "log_text": "old"})
    heads = [line for line in ears.text if not line.startswith("  | ")]
    assert heads == [
        "debug other Starting up\\nnow namespace=chatd.test",
        "critical fault While doing it: boo namespace=chatd.test",
        "error stderr printed",
        "debug other old",
    ]
    assert [row["event"] for row in ears.json] == ["other", "fault", "stderr", "other"]
    assert ears.json[0]["namespace"] == "chatd.test"


def test_levels_below_the_least_are_left_out_unformatted():
    class Loud:
        def __str__(self):
            raise AssertionError("it was formatted")

    ears = Ears("warn")
    for say in (ears.log.debug, ears.log.info):
        say("client-in", nick=Loud())
    ears.log.warn("bad-input")
    assert ears.text == ["warn bad-input"]


def test_everything_is_written_at_debug():
    ears = Ears("debug")
    for say in (ears.log.debug, ears.log.info, ears.log.warn, ears.log.error):
        say("x")
    assert ears.text == ["debug x", "info x", "warn x", "error x"]


def test_twistd_finds_the_factories(capsys):
    for name in ("chatd.ops.json_lines", "chatd.ops.text_lines"):
        observer = namedAny(name)()
        assert verifyObject(ILogObserver, observer)
        observer({"log_level": LogLevel.warn, "log_format": "hi", "log_time": 0.0})
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["text"] == "hi"
    assert second.endswith(" warn other hi")


def test_an_event_redirects_the_observers():
    before, after = io.StringIO(), io.StringIO()
    observer = text_lines(Sink(before))
    log = Log("chatd.test", Logger("chatd.test", observer=observer))
    log.info("one")
    observer({"log_level": LogLevel.info, SINK: Sink(after, "error")})
    log.info("two")
    log.error("three")
    assert before.getvalue().endswith(" info one\n")
    assert after.getvalue().endswith(" error three\n")
    assert after.getvalue().count("\n") == 1


def test_streams_that_cannot_write_it_get_escapes():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    log = Log("chatd.test", Logger("chatd.test", observer=text_lines(Sink(stream))))
    log.info("client-in", nick="Ωμέγα")
    assert raw.getvalue().endswith(b"nick=\\u03a9\\u03bc\\u03ad\\u03b3\\u03b1\n")


def test_other_observers_see_the_words_too(logged_events):
    Log("chatd.test").info("client-in", nick="Ana")
    assert formatEvent(logged_events[-1]) == "client-in nick=Ana"
    assert logged_events[-1]["chatd"].fields == {"nick": "Ana"}


def test_modules_of_a_name_have_a_level_of_their_own(ears):
    def say():
        before = len(ears.text)
        for name in ("chatd.server.journal", "chatd.server", "chatd.serverx", "chatd"):
            log = Log(name, Logger(name, observer=ears.publisher))
            log.debug("a")
            log.info("b")
        return [line.split()[1] for line in ears.text[before:]]

    assert say() == ["b"] * 4
    ears.publisher({LEVELS: ("chatd.server", "debug")})
    assert say() == ["a", "b", "a", "b", "b", "b"]
    ears.publisher({LEVELS: ("chatd.server.journal", "error")})
    assert say() == ["a", "b", "b", "b"]
    ears.publisher({LEVELS: ("chatd.server", "")})
    assert say() == ["b", "b", "b"]
