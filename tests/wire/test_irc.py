"""Lines of IRC: read as they were written, and never longer than they may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.wire.errors import ProtocolError
from chatd.wire.irc import MAX_BODY, BadLineError, Line, cut, encode, escape, parse, pieces, unescape
from chatd.wire.irc_decoder import ENDLESS, TOO_LONG, IrcDecoder

WORDS = st.text(
    st.characters(exclude_characters="\0\r\n \u00a0", exclude_categories=["Cs"]), min_size=1, max_size=20
)
LAST = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"PING a", Line("PING", ["a"])),
        (b"ping :a b \r", Line("PING", ["a b "])),
        (b"  PRIVMSG  #a   :", Line("PRIVMSG", ["#a", ""])),
        (b":me!u@h NICK x", Line("NICK", ["x"], {}, "me!u@h")),
        (
            b"@label=1;+x=a\\sb\\:;y PRIVMSG a :\xc3\xa4",
            Line("PRIVMSG", ["a", "ä"], {"label": "1", "+x": "a b;", "y": ""}),
        ),
        (b"JOIN :", Line("JOIN", [""])),
        (b"A " + b"b " * 14 + b"c d", Line("A", ["b"] * 14 + ["c d"])),
        (b"", None),
        (b"   ", None),
        (b"@a=b ", None),
    ],
)
def test_line(sent, line):
    assert parse(sent) == line


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"PRIVMSG a :" + b"x" * 500, "too-long"),
        (b"@" + b"a" * 4096 + b" PING a", "too-long"),
        (b"PRIVMSG a :\xff", "not-utf8"),
        (b"@a=\xff PING a", "not-utf8"),
        (b"PING a\0b", "malformed"),
        (b"\x16\x03\x01 x", "malformed"),
    ],
)
def test_no_line(sent, code):
    with pytest.raises(BadLineError) as raised:
        parse(sent)
    assert raised.value.code == code


def test_limits_are_inclusive():
    body = b"PRIVMSG a :" + b"x" * 499
    assert len(body) == MAX_BODY - 2
    assert parse(body + b"\r") is not None
    assert parse(b"@" + b"a" * 4094 + b" " + body) is not None


@given(st.text())
def test_escapes_go_both_ways(value):
    assert unescape(escape(value)) == value
    assert not set(escape(value)) & set("; \r\n")


@given(st.text(st.sampled_from("\\:snrx; ")))
def test_any_escape_means_something(value):
    unescape(value)


@given(
    st.from_regex("[A-Z]{1,10}", fullmatch=True),
    st.lists(WORDS.filter(lambda word: not word.startswith(":")), max_size=3),
    LAST,
    st.dictionaries(
        st.from_regex(r"\+?[a-z]{1,8}", fullmatch=True),
        st.text(max_size=10).filter(lambda v: "\0" not in v and v.isprintable()),
        max_size=3,
    ),
)
def test_what_is_written_is_read(command, words, last, tags):
    line = encode("", command, *words, last, tags=tags)
    assert line.endswith(b"\r\n") and line.count(b"\n") == 1
    if len(line) < 400:
        assert parse(line[:-2]) == Line(command, [*words, last], tags)


@given(st.text(max_size=2000), st.text(max_size=50))
def test_nothing_written_is_longer_than_a_line_or_two_lines(text, source):
    line = encode("server", "PRIVMSG", "#a", text)
    assert len(line) <= MAX_BODY
    assert line.count(b"\n") == line.count(b"\r") == 1
    line.decode()


@given(st.text(max_size=500), st.integers(8, 100))
def test_pieces_hold_all_that_is_seen(text, most):
    parts = list(pieces(text, most))
    assert all(part.strip() and len(part.encode()) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.text(), st.integers(0, 40))
def test_cut(text, most):
    part = cut(text, most)
    assert text.startswith(part) and len(part.encode()) <= most


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=8), st.data())
def test_lines_come_whole_however_they_are_split(lines, data):
    sent = b"NICK a\n" + b"".join(line + b"\n" for line in lines)
    decoder, got, rest = IrcDecoder(), [], sent
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        decoder.feed(rest[:size])
        rest = rest[size:]
        while (line := decoder.take()) is not None:
            got.append(line)
    assert got == [b"NICK a", *lines]
    assert not len(decoder)


def test_a_line_that_is_too_long_stands_for_itself_alone():
    decoder = IrcDecoder()
    decoder.feed(b"NICK a\n" + b"x" * 9000 + b"\nPING b\n")
    assert [decoder.take() for _ in range(4)] == [b"NICK a", TOO_LONG, b"PING b", None]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_without_end_is_the_end(end):
    decoder = IrcDecoder()
    decoder.feed(b"x" * ENDLESS + end)
    with pytest.raises(ProtocolError):
        decoder.take()


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00"])
def test_a_browser_is_sent_away(begin):
    decoder = IrcDecoder()
    decoder.feed(begin)
    with pytest.raises(ProtocolError):
        decoder.take()
