"""An append over a network that loses things: it comes in once or never, and its sender knows which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.cluster import settling
from chatd.cluster.journal import LostError, ReplacedError
from chatd.testing.stream import MemoryStream

fates = st.lists(st.sampled_from(["", "request", "answer", "late"]), max_size=60)


def append(stream, parts, expected):
    got = []
    stream.append(parts, expected, got.append)
    (outcome,) = got
    return outcome


def stream_with(fates):
    """Return a stream with what is to become of the first calls; all later ones are answered."""
    left = iter(fates)
    return MemoryStream(lambda: next(left, ""))


@given(fates, st.lists(st.lists(st.binary(max_size=3), min_size=1, max_size=3), max_size=8))
def test_whatever_is_lost_each_append_comes_in_once(fates, records):
    stream = stream_with(fates)
    whole = []
    for parts in records:
        whole += parts
        assert append(stream, parts, len(whole) - len(parts)) == len(whole)
        assert stream.messages == whole


@given(fates, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=25))
def test_of_several_who_lead_each_knows_what_came_in(fates, turns):
    """Nodes append from what they know; whoever is told of a rival looks at the stream before it goes on."""
    stream = stream_with(fates)
    known = dict.fromkeys(range(3), 0)
    told = []
    for number, (node, size) in enumerate(turns):
        parts = [b"%d %d %d" % (node, number, part) for part in range(size)]
        outcome = append(stream, parts, known[node])
        if isinstance(outcome, ReplacedError):
            known[node] = len(stream.messages)
            assert parts[0] not in stream.messages
        else:
            known[node] = outcome
            assert stream.messages[outcome - size : outcome] == parts
            told.append((outcome, parts))
    assert [part for _, parts in sorted(told) for part in parts] == stream.messages


def test_what_a_rival_has_put_there_is_no_success():
    stream = MemoryStream()
    assert append(stream, [b"rival"], 0) == 1
    assert isinstance(append(stream, [b"mine"], 0), ReplacedError)
    assert isinstance(append(stream, [b"mine", b"rival"], 0), ReplacedError)
    assert stream.messages == [b"rival"]


def test_what_comes_late_behind_a_rival_is_refused():
    stream = stream_with(["late"])
    late = []
    with pytest.raises(settling.UnansweredError):
        stream.publish([b"mine"], 0).send(None)
    stream.messages.append(b"rival")
    stream.append([b"more"], 1, late.append)
    assert late == [2]
    assert stream.messages == [b"rival", b"more"]


def test_an_engine_that_has_lost_what_it_acknowledged_is_told_of():
    stream = MemoryStream()
    append(stream, [b"one", b"two"], 0)
    del stream.messages[1:]
    outcome = append(stream, [b"three"], 2)
    assert isinstance(outcome, LostError)
    assert "message 2" in str(outcome)
    assert stream.messages == [b"one"]


def test_one_that_does_not_know_all_yet_is_given_time():
    stream = MemoryStream()
    append(stream, [b"one", b"two"], 0)
    away, looks = stream.messages.pop(), []

    def come_back():
        looks.append(None)
        if len(looks) == settling.DOUBTS:
            stream.messages.append(away)
        return ""

    stream._fates = come_back
    assert append(stream, [b"three"], 2) == 3
    assert stream.messages == [b"one", b"two", b"three"]
