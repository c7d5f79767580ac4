"""A server of an earlier version: what it does not know is told in words."""

import pytest

from chatd.client.since import why_unknown
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.features import FEATURES
from tests.client.entering import Room, now


@pytest.fixture
def ann(tmp_path):
    """Return a client at a server that knows nothing of what came later, with its room."""
    room = Room(tmp_path)
    room.server.unknown = frozenset({m.SetStatus, m.Threads, m.FollowThread, m.Look, m.Hooks, m.Topic})
    client = room.enter()
    client.room = room
    room.advance(1)
    yield client
    client.stop()
    room.advance(3)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda ann: ann.away("lunch"), "being away or busy"),
        (lambda ann: ann.back(), "being away or busy"),
        (lambda ann: ann.threads("#a"), "threads that one follows"),
        (lambda ann: ann.follow_thread("#a", 1), "threads that one follows"),
        (lambda ann: ann.look("#a", [1]), "events that are looked at by themselves"),
        (lambda ann: ann.ask(m.Hooks(id=0, room="#a")), "hooks"),
    ],
)
def test_what_it_does_not_know_is_told_in_words(ann, ask, told):
    asked = ask(ann)
    ann.room.advance(1)
    with pytest.raises(RequestError) as refused:
        now(asked)
    assert refused.value.code == Code.UNSUPPORTED
    assert refused.value.text == f"The server is of an earlier version, which does not know {told}."


def test_what_always_was_known_is_refused_in_the_words_of_the_server(ann):
    asked = ann.topic("#a", "tea")
    ann.room.advance(1)
    with pytest.raises(RequestError, match="The request is not known to this server"):
        now(asked)


def test_a_server_of_now_knows_all():
    kinds = [kind for kind in vars(m).values() if isinstance(kind, type) and issubclass(kind, m.Request)]
    assert [kind for kind in kinds if why_unknown(kind, frozenset(FEATURES))] == []
