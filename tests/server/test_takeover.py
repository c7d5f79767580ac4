"""A hello that comes late takes nothing over from a connection that works, unless its client wants that."""

import pytest
from twisted.internet.defer import Deferred

from chatd.server.drain import drain
from chatd.wire import messages as m
from chatd.wire.frames import FrameType, frame
from tests.helpers import Talker, come_in, hello, sends

PONG = frame(FrameType.PONG, b"still?")


@pytest.fixture
def alice(playground):
    return come_in(playground, "alice", m.Join(id=1, room="#a"))


def beside(playground, alice, *more, answer_pings=False, **fields):
    """Connect a second talker of the session of ``alice`` beside the first."""
    fields = {"beside": True, "cursors": {"#a": 1}, **fields}
    return come_in(playground, "", *more, answer_pings=answer_pings, token=token_of(alice), **fields)


def token_of(talker):
    return talker.of(m.Welcome)[0].token


def test_a_connection_beside_another_is_asked_before_it_takes_over(playground, alice):
    again = beside(playground, alice)
    assert again.pings == 1
    assert not again.heard
    alice.say(*sends("#a", "still here"))
    playground.advance()
    assert alice.texts() == ["still here"]
    again.transport.write(PONG)
    playground.advance()
    (welcome,) = again.of(m.Welcome)
    assert (welcome.last, welcome.resumed) == (1, True)
    assert again.texts() == ["still here"]
    assert alice.of(m.Goodbye)[0].reason == "taken-over"


def test_a_client_that_answers_pings_comes_in_beside_by_itself(playground, alice):
    again = beside(playground, alice, answer_pings=True)
    assert again.of(m.Welcome)[0].resumed
    assert alice.of(m.Goodbye)


def test_an_attempt_that_was_given_up_costs_the_other_connection_nothing(playground, alice):
    again = beside(playground, alice)
    again.transport.abortConnection()
    playground.advance(30)
    alice.say(*sends("#a", "still here"))
    playground.advance()
    assert alice.texts() == ["still here"]
    assert not alice.of(m.Goodbye)
    assert len(playground.server.connections) == 1


def test_an_attempt_that_answers_nothing_is_let_go_of(playground, alice):
    again = beside(playground, alice)
    playground.advance(11)
    (error,) = again.of(m.Error)
    assert error.code == "hello-timeout"
    assert "answer" in error.text
    playground.advance(6)
    assert again.lost
    alice.say(*sends("#a", "still here"))
    playground.advance()
    assert alice.texts() == ["still here"]


def test_what_follows_the_hello_says_that_the_session_is_wanted(playground, alice):
    again = beside(playground, alice, *sends("#a", "from the new one"))
    assert again.of(m.Welcome)
    assert again.texts() == ["from the new one"]
    assert alice.of(m.Goodbye)


def test_nobody_is_asked_where_the_other_connection_has_ended(playground, alice):
    alice.transport.abortConnection()
    playground.advance()
    again = beside(playground, alice)
    assert again.of(m.Welcome)
    assert not again.pings


def test_a_client_that_does_not_say_beside_takes_over_in_one_round_trip(playground, alice):
    again = beside(playground, alice, beside=False)
    assert again.of(m.Welcome)
    assert alice.of(m.Goodbye)


def test_the_hello_of_an_older_connection_is_asked_too(playground, alice):
    late = Talker(answer_pings=False)
    playground.connect(late)
    young = beside(playground, alice, beside=False)
    late.say(hello(token=token_of(alice), cursors={"#a": 1}))
    playground.advance()
    assert not young.of(m.Goodbye)
    assert late.pings == 1
    late.transport.write(PONG)
    playground.advance()
    assert late.of(m.Welcome)
    assert young.of(m.Goodbye)


def test_a_session_that_ends_while_its_newcomer_is_asked_is_unknown(playground):
    alice = come_in(playground, "alice", answer_pings=False)  # so it never confirms its token
    again = beside(playground, alice, cursors={})
    alice.transport.abortConnection()
    playground.advance()
    again.transport.write(PONG)
    playground.advance()
    assert again.of(m.Error)[0].code == "unknown-session"


def test_a_cursor_beyond_the_head_refuses_who_was_asked_and_takes_nothing_over(playground, alice):
    again = beside(playground, alice, cursors={"#a": 7}, answer_pings=True)
    assert again.of(m.Error)[0].code == "cursor-beyond-head"
    assert not alice.of(m.Goodbye)


def test_whoever_is_being_asked_is_told_that_the_daemon_stops(playground, alice):
    again = beside(playground, alice)
    stopped = Deferred.fromCoroutine(
        drain(playground.server, playground.clock, lambda: True, playground.config.drain)
    )
    playground.advance(2)
    assert stopped.called
    assert again.of(m.Goodbye)[0].reason == alice.of(m.Goodbye)[0].reason == "drain"
