"""A disk that hangs: whoever comes and goes leaves nothing in memory, and newcomers are told (P5)."""

import gc

from chatd.ops.settings import Config, LimitsConfig
from chatd.server.connection import ChatConnection
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in, sends


def hang(playground, talker):
    """Let the disk hang over a send of ``talker``."""
    playground.store.held = True
    talker.say(*sends("#a", "the last one"))
    playground.advance()


def connections(playground):
    """Return how many connections of this daemon are in memory, those that were let go as well."""
    gc.collect()
    known = [one for one in gc.get_objects() if isinstance(one, ChatConnection)]
    return sum(one.server is playground.server for one in known)


def test_connections_that_are_gone_are_not_kept_while_the_disk_hangs(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    friends = [come_in(playground, f"n{number}", m.Join(id=1, room="#a")) for number in range(20)]
    hang(playground, ann)
    before = connections(playground)
    for friend in friends:
        friend.say(m.ListRooms(id=2), m.Members(id=3, room="#a"), m.Topic(id=4, room="#a", text="t"))
    playground.advance()
    for friend in friends:
        friend.transport.abortConnection()
    playground.advance()
    friends.clear()
    del friend
    assert connections(playground) == before - 20
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert ann.texts() == ["the last one"]
    assert [event.kind for event in ann.of(m.Event)][-1] == "topic"


def test_an_end_is_said_to_those_whose_answers_are_not_awaited(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    hang(playground, ann)
    bob.say(*sends("#a", "accepted"), m.Goodbye())
    playground.advance()
    assert bob.of(m.Goodbye)
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert ann.texts() == ["the last one", "accepted"]


def test_nobody_is_let_in_while_the_disk_hangs_for_long(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob")
    token = bob.of(m.Welcome)[0].token
    hang(playground, ann)
    early = come_in(playground, token=token)
    assert early.lost is None
    playground.advance(6)
    known = len(playground.server.hub.world.sessions)
    for fields in ({"nick": "cem"}, {"token": token}, {"token": token, "device": True}):
        late = come_in(playground, **fields)
        (error,) = late.of(m.Error)
        assert (error.code, error.id) == ("storage-unavailable", None)
        assert error.retry_after > 0
        assert late.lost is not None
    assert len(playground.server.hub.world.sessions) == known
    assert early.lost is None
    playground.store.held = False
    playground.store.release()
    playground.advance(1)
    assert early.of(m.Welcome)[0].resumed
    assert come_in(playground, "cem").of(m.Welcome)


def test_a_slow_disk_turns_nobody_away(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    playground.store.held = True
    for number in range(20):
        ann.say(*sends("#a", "x", n=number + 1))
        playground.advance(1)
        assert come_in(playground, f"n{number}").lost is None
        playground.store.release(1)
    playground.advance()


def test_whoever_comes_back_again_and_again_fills_no_memory(monkeypatch):
    monkeypatch.setattr("chatd.chat.hub.FULL_BYTES", 1_000_000)
    playground = Playground(Config(limits=LimitsConfig(requests_per_second=0)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    token = bob.of(m.Welcome)[0].token
    hang(playground, ann)
    last = 0
    for _ in range(50):
        bob = come_in(playground, "", *sends("#a", *["x" * 15_000] * 15, n=last + 1), token=token)
        last = playground.server.hub.session(token).last
        bob.transport.abortConnection()
        playground.advance()
    events = playground.server.hub.world.batch.events.values()
    held = sum(len(event.text) for texts in events for event in texts)
    assert 900_000 < held < 1_400_000
    ann.say(*sends("#a", "waits", n=2))
    playground.advance(1)
    assert len(ann.of(m.Ok)) == 1
    playground.store.held = False
    playground.store.release()
    playground.advance(2)
    assert ann.texts()[0] == "the last one"
    assert ann.texts()[-1] == "waits"
    assert len(ann.texts()) == last + 2
    assert ann.lost is None


def test_small_changes_fill_memory_as_well(monkeypatch):
    monkeypatch.setattr("chatd.chat.hub.FULL_BYTES", 10_000)
    playground = Playground(Config(limits=LimitsConfig(requests_per_second=0)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *["x"] * 200), wait=2)
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    playground.store.held = True
    ann.say(*sends("#a", "hangs", n=201))
    playground.advance()
    for seq in range(1, 200):
        bob.say(m.Read(id=1, room="#a", seq=seq))
        playground.advance()
    assert len(playground.server.hub.world.batch._others) < 150
    playground.store.held = False
    playground.store.release()
    playground.advance(2)
    assert len(bob.of(m.Ok)) == 200


def test_a_store_that_cannot_even_take_the_changes_refuses_them_and_goes_on(playground, monkeypatch):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))

    def append(*_):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(playground.store, "append", append)
        ann.say(*sends("#a", "lost"))
        playground.advance()
    assert ann.of(m.Error)[-1].code == "storage-unavailable"
    ann.say(*sends("#a", "kept"))
    playground.advance()
    assert ann.texts() == ["kept"]
