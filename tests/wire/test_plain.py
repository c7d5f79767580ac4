"""What is plain is read and told as the codec does it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.wire import native, plain
from chatd.wire.limits import MAX_INT, MAX_TEXT
from chatd.wire.messages import Event, Send
from chatd.wire.objects import write
from chatd.wire.stored import pack

printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60)
anything = printable | st.text(max_size=20) | st.sampled_from([" ", "  ", "@", '"', "\\", "\x7f", "é", " x "])
numbers = st.integers(1, 10**15 - 1)


def is_plain(text):
    return (
        text.isascii()
        and text.isprintable()
        and not set(text) & set('@"\\')
        and bool(text.strip())
        and len(text) <= MAX_TEXT // 4
    )


@given(numbers, numbers, st.sampled_from(["#a", "#grün", "#100%d", "#" + "x" * 60]), anything)
def test_what_is_plain_is_read_as_the_codec_reads_it(number, n, room, text):
    said = write(Send(id=number, n=n, room=room, text=text))
    found = plain.read(said)
    assert (found is not None) == is_plain(text)
    if found is not None:
        read, of_session, name, came = found.groups()
        again = Send(id=int(read), n=int(of_session), room=name.decode(), text=came.decode())
        assert again == native.decode_to_server(said)


@given(st.binary(max_size=30), st.integers(0, 90), st.integers(0, 3))
def test_nothing_is_read_that_the_codec_would_read_otherwise(inserted, at, removed):
    said = write(Send(id=1, n=2, room="#room", text="a text of some words"))
    said = said[:at] + inserted + said[at + removed :]
    found = plain.read(said)
    if found is not None:
        number, n, room, text = found.groups()
        try:
            name = room.decode()
        except UnicodeDecodeError:
            return  # there is no such room
        if name.isprintable():  # nor one like that
            assert native.decode_to_server(said) == Send(int(number), int(n), name, text.decode())
            assert write(native.decode_to_server(said)) == said


@pytest.mark.parametrize(
    "said",
    [
        Send(id=1, n=1, room="#a", text="x", ref=1),
        Send(id=1, n=1, room="#a", text="x", notice=True),
        Send(id=1, n=1, room="@bob", text="x"),
        Send(id=MAX_INT, n=1, room="#a", text="x"),
        Send(id=1, n=1, room="#a", text="x" * (MAX_TEXT // 4 + 1)),
    ],
)
def test_everything_else_is_left_to_the_codec(said):
    assert plain.read(write(said)) is None


def test_another_spelling_is_left_to_the_codec():
    said = write(Send(id=1, n=1, room="#a", text="x"))
    assert plain.read(said) is not None
    for other in (said + b"\n", b" " + said, said.replace(b'"id":1', b'"id":01'), said.replace(b":", b": ")):
        assert plain.read(other) is None
    assert plain.read(said.replace(b'"n":1', b'"n":0')) is None


@given(
    st.sampled_from(["#a", "#grün", "#100%d", "#%b"]),
    st.integers(0, 10**13),
    st.sampled_from(["ann", "größe", "50%b", "%"]),
    numbers,
    numbers,
    numbers,
    st.lists(printable.filter(is_plain), max_size=5),
)
@example("#a", 1, "ann", 1, 1, 1, ["x" * n for n in (1, 900, 1000, 4096)])
def test_what_is_stored_is_what_the_codec_makes_of_the_events(room, ts, by, session, first, n, texts):
    events = [
        Event(room, first + at, ts, "message", by, text, session, n + at) for at, text in enumerate(texts)
    ]
    said = [text.encode() for text in texts]
    made = plain.stored(plain.quoted(room), ts, plain.quoted(by), session, first, n, said)
    assert made == pack(events)
    assert pack(made) == made
    assert pack([*events, *made, *events]) == made * 3
