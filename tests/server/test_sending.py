"""Plain messages are decided all at once, with the same outcome as one by one."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chatd.chat import sending
from chatd.chat.quota import Bucket
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.gate import OWED_BYTES, Gate
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.limits import MAX_TEXT, MAX_UNANSWERED
from tests.examples import examples
from tests.helpers import come_in, guests, sends

OWN = "#a", "#b", "#slow", "#read", "#old", "#mute"
ROOMS = *OWN, "#strange", "@bob", "@nobody"
TEXTS = (
    *("x", "y z", "100 %d", "Grüße", "😀", "x" * (MAX_TEXT // 4), "x" * (MAX_TEXT // 4 + 1)),  # may be said
    *(
        '"quoted"',
        "back\\slash",
        "line\nline",
        "tab\there",
        "@bob hi",
        "@room hi",
        "e@mail",
    ),  # too, but there is more to look at
    *("", "  ", "\x00", "bell\a", "\u202e", "x" * (MAX_TEXT + 1)),
)

plain = st.builds(
    lambda text: {"room": "#a", "text": text, "step": 1, "ref": 0},
    st.sampled_from(TEXTS[:5]),
)
strange = st.fixed_dictionaries(
    {
        "room": st.sampled_from(ROOMS),
        "text": st.sampled_from(TEXTS),
        "step": st.sampled_from([1, 1, 1, 1, 0, 2]),
        "ref": st.sampled_from([0, 0, 0, 1]),
    }
)
other = st.sampled_from(
    [m.Read(id=1, room="#a", seq=1), m.Topic(id=1, room="#a", text="new"), m.Leave(1, "#a")]
)


def messages_of(wanted):
    """Return what the client says, of which each numbers what it sends, rightly or not."""
    n, messages = 0, []
    for number, one in enumerate(wanted, 100):
        if isinstance(one, m.Request):
            messages.append(replace(one, id=number))
            continue
        n += one["step"]
        messages.append(m.Send(id=number, n=max(1, n), room=one["room"], text=one["text"], ref=one["ref"]))
    return messages


def outcome(pieces, rate, speaks="native"):
    """Return what everybody hears, what is stored, and what is counted."""
    playground = Playground(Config(limits=LimitsConfig(requests_per_second=rate)))
    playground.start_server()
    bob = come_in(playground, "bob", *[m.Join(id=n, room=room) for n, room in enumerate(OWN, 1)])
    bob.say(
        m.Set(id=11, room="#slow", rule="slow", value="5"),
        m.Set(id=12, room="#read", rule="kind", value="read-only"),
        m.Set(id=13, room="#old", rule="archived", value="yes"),
    )
    playground.advance()
    ann = come_in(
        playground, "ann", *[m.Join(id=n, room=room) for n, room in enumerate(OWN, 1)], speaks=speaks
    )
    bob.say(m.Mute(id=14, room="#mute", whom="ann"))
    playground.advance(1)
    for piece in pieces:
        ann.say(*piece)
        playground.advance(0.02)
    playground.advance(30)
    connection = next(c for c in playground.server.connections if c.session.user.nick == "ann")
    gate = connection.input.gate
    return (
        [one for one in ann.heard if not isinstance(one, m.Welcome)],
        [one for one in bob.heard if not isinstance(one, m.Welcome)],
        playground.store.events,
        (connection.session.last, connection.messages_in),
        (gate.allowance.left, gate._owed, gate._owed_bytes),
        connection.server.hub.world.refusals,
    )


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.lists(plain | plain | strange | other, min_size=1, max_size=30), min_size=1, max_size=3),
    st.sampled_from([0, 5]),
)
def test_all_at_once_is_as_one_by_one(wanted, rate):
    everything = messages_of([one for piece in wanted for one in piece])
    pieces = [[everything.pop(0) for _ in piece] for piece in wanted]
    together = outcome(pieces, rate)
    with patch.object(sending, "read", lambda *_: None):
        assert outcome(pieces, rate) == together
        with patch.object(sending, "run_of", lambda *_: None):
            assert outcome(pieces, rate) == together


@pytest.mark.parametrize("text", "aä", ids=["as they came", "once decoded"])
@pytest.mark.parametrize("speaks", ["native", "json-lines", "web"])
def test_they_are_decided_at_once_whatever_is_spoken(speaks, text):
    runs = []

    def counting(take):
        def counted(*given):
            run = take(*given)
            runs.append(0 if run is None else len(run[1]))
            return run

        return counted

    texts = [text * number for number in range(1, 9)]
    take = "read" if text.isascii() else "run_of"
    with patch.object(sending, take, counting(getattr(sending, take))):
        heard, *_ = outcome([sends("#a", *texts)], 0, speaks)
    assert [one.text for one in heard if isinstance(one, m.Event) and one.kind == "message"] == texts
    assert max(runs) == (1 if speaks == "json-lines" else 8)


def test_who_only_reads_sends_nothing_at_once_either():
    playground = Playground()
    playground.start_server()
    with guests(playground, "read-only"):
        ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "x", "y"), wait=1)
    assert {1001, 1002} <= {error.id for error in ann.of(m.Error)}
    assert not ann.texts()


def gates(before, left):
    for _ in range(2):
        gate = Gate(None)
        gate.renew(Bucket(1, 1, 0.0), Bucket(1, 1, 0.0))
        gate.allowance.left = left
        for size in before:
            gate.owe(size, 0)
        yield gate


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.sampled_from([1, 500, OWED_BYTES // 300]), max_size=MAX_UNANSWERED),
    st.lists(st.sampled_from([1, 500, OWED_BYTES // 20]), min_size=1, max_size=64),
    st.sampled_from([-1.0, 0.0, 0.5, 1.0, 3.5, 64.0, float("inf")]),
)
def test_the_gate_owes_many_as_one_by_one(before, sizes, left):
    many, single = gates(before, left)
    count = 0
    for size in sizes:
        if count and (single.shut or single.allowance.left <= 0):
            break
        single.owe(size, 1)
        count += 1
    assert many.owe_all(sizes) == count
    assert (many._owed, many._owed_bytes, many.shut) == (single._owed, single._owed_bytes, single.shut)
    assert many.allowance.left == single.allowance.left
