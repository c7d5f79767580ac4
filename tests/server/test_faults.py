"""A fault of the daemon costs the connection that it concerns alone (P8), and no log loses its place."""

import pytest

from chatd.server.connection import ChatConnection
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from tests.helpers import come_in, sends


class BrokenError(Exception):
    """What goes wrong."""


def breaking(*_):
    raise BrokenError


class Breaking:
    """A sink that cannot be handed anything."""

    hand = breaking


def connection_of(playground, nick):
    return next(c for c in playground.server.connections if c.session.user.nick == nick)


@pytest.fixture
def crowd(playground):
    crowd = {
        nick: come_in(playground, nick, m.Join(id=1, room="#a")) for nick in ("ann", "ben", "cem", "dan")
    }
    playground.advance(2)
    return crowd


@pytest.fixture
def break_at(monkeypatch):
    """Return what makes methods of one connection raise, and of no other one."""

    def break_at(broken, *names):
        for name in names:
            method = getattr(ChatConnection, name)
            monkeypatch.setattr(
                ChatConnection,
                name,
                lambda one, *given, method=method: breaking() if one is broken else method(one, *given),
            )

    return break_at


def only_that_one_is_gone(playground, crowd, nick, connection, flush_failures):
    assert len(flush_failures(BrokenError)) == 1
    assert connection.close_reason is CloseReason.FAULT
    assert {name for name, talker in crowd.items() if talker.lost is not None} == {nick}
    crowd["ann"].say(*sends("#a", "two", n=2))
    playground.advance(1)
    for name, talker in crowd.items():
        if name != nick:
            assert talker.texts() == ["one", "two"]
            assert talker.seqs("#a")[-2:] == [5, 6] or talker.seqs("#a")[-3:-1] == [5, 6]


def test_who_has_ended_is_not_looked_at_any_more(playground, crowd, break_at):
    """Over TLS it could not be aborted any more, which raised: nobody was ever looked at again."""
    connections = [connection_of(playground, nick) for nick in crowd]
    for connection, talker in zip(connections, crowd.values(), strict=True):
        connection.hasten(playground.clock.seconds())
        connection.transport.abortConnection()
        talker.transport.abortConnection()
        break_at(connection, "sweep", "abort")
    playground.advance(2)
    assert not playground.server.connections


def test_the_reaper_goes_on_although_somebody_can_not_even_be_aborted(
    playground, crowd, break_at, flush_failures
):
    broken = connection_of(playground, "ben")
    break_at(broken, "sweep", "abort")
    playground.clock.advance(0)
    crowd["cem"].transport.pauseProducing()
    connection_of(playground, "cem").liveness.heartbeat.interval = 0.01
    playground.advance(60)
    assert len(flush_failures(BrokenError)) > 2
    assert crowd["cem"].lost is not None


def test_whoever_cannot_be_aborted_is_let_go(playground, crowd, flush_failures):
    broken = connection_of(playground, "ben")
    broken.transport.abortConnection = breaking
    broken.abort(CloseReason.FAULT)
    assert len(flush_failures(BrokenError)) == 1
    assert broken.session is None


@pytest.mark.parametrize("nick", ["ben", "cem", "dan"])
def test_a_follower_that_cannot_be_handed_events_goes_alone(playground, crowd, nick, flush_failures):
    broken = connection_of(playground, nick)
    broken.transport.write = breaking
    crowd["ann"].say(*sends("#a", "one"))
    playground.advance()
    only_that_one_is_gone(playground, crowd, nick, broken, flush_failures)


@pytest.mark.parametrize("nick", ["ben", "cem", "dan"])
def test_a_follower_that_cannot_be_left_behind_goes_alone(
    playground, crowd, nick, flush_failures, monkeypatch
):
    broken = connection_of(playground, nick)
    monkeypatch.setattr("chatd.chat.publisher.AT_ONCE", 0)
    add = playground.server.delivery.add
    monkeypatch.setattr(
        playground.server.delivery, "add", lambda taker: breaking() if taker is broken else add(taker)
    )
    crowd["ann"].say(*sends("#a", "one"))
    playground.advance()
    only_that_one_is_gone(playground, crowd, nick, broken, flush_failures)


def test_an_answer_that_cannot_be_given_costs_whoever_asked(playground, crowd, flush_failures):
    broken = connection_of(playground, "ben")
    crowd["ben"].say(m.Topic(id=2, room="#a", text="t"))
    crowd["ann"].say(*sends("#a", "one"))
    playground.store.held = True
    playground.advance()
    broken.transport.write = breaking
    playground.store.release()
    playground.store.held = False
    playground.advance()
    assert flush_failures(BrokenError)
    assert broken.close_reason is CloseReason.FAULT
    assert crowd["ann"].of(m.Ok)[-1].id == 1001
    assert crowd["cem"].texts() == ["one"]
    assert all(crowd[nick].lost is None for nick in ("ann", "cem", "dan"))


def test_a_refusal_that_cannot_be_given_costs_whoever_asked(playground, crowd, flush_failures):
    broken = connection_of(playground, "ben")
    playground.store.held = True
    crowd["ben"].say(m.Topic(id=2, room="#a", text="t"))
    playground.advance()
    crowd["ann"].say(*sends("#a", "one"))
    playground.advance()
    broken.transport.write = breaking
    playground.store.failing = OSError("disk full")
    playground.store.release()
    playground.advance()
    assert flush_failures(BrokenError)
    assert broken.close_reason is CloseReason.FAULT
    assert crowd["ann"].of(m.Error)[-1].code == "storage-unavailable"
    assert crowd["ann"].lost is None
    playground.store.failing, playground.store.held = None, False
    playground.store.release()
    crowd["ann"].say(*sends("#a", "one"))
    playground.advance()
    assert crowd["cem"].texts() == ["one"]


def test_a_member_who_cannot_be_told_who_came_goes_alone(playground, crowd, flush_failures):
    broken = connection_of(playground, "ben")
    broken.transport.write = breaking
    come_in(playground, "eva", m.Join(id=1, room="#b"))
    connection_of(playground, "ann").session.user.announced = False
    playground.server.hub.presence.touch(connection_of(playground, "ann").session.user)
    playground.advance(2)
    assert len(flush_failures(BrokenError)) == 1
    assert broken.close_reason is CloseReason.FAULT
    assert crowd["dan"].of(m.Presence)[-1].online == ["ann"]


@pytest.mark.parametrize("from_disk", [False, True])
def test_a_reader_who_cannot_be_brought_forward_goes_alone(playground, crowd, from_disk, flush_failures):
    broken = connection_of(playground, "ben")
    for nick in ("ben", "cem"):
        connection_of(playground, nick).protocol.pauseProducing()
    crowd["ann"].say(*sends("#a", "one"))
    playground.advance()
    if from_disk:
        playground.server.hub.world.rooms["#a"].log.forget_tail()
    broken.reader.sink = Breaking()
    for nick in ("ben", "cem"):
        connection_of(playground, nick).protocol.resumeProducing()
    playground.advance(1)
    only_that_one_is_gone(playground, crowd, "ben", broken, flush_failures)


def test_a_member_whose_downloads_cannot_be_ended_goes_alone(playground, crowd, break_at, flush_failures):
    """What is committed grows the log all the same, so that no number is missing for others."""
    broken = connection_of(playground, "ben")
    break_at(broken, "end_downloads")
    crowd["ann"].say(m.Kick(id=7, room="#a", whom="ben"), *sends("#a", "one"))
    playground.advance()
    assert {one.id for one in crowd["ann"].of(m.Ok)} >= {7, 1001}
    only_that_one_is_gone(playground, crowd, "ben", broken, flush_failures)


def test_a_comparison_that_goes_wrong_costs_whoever_asked(playground, crowd, flush_failures, monkeypatch):
    crowd["ann"].say(*sends("#a", "one"))
    playground.advance()
    broken = connection_of(playground, "ben")
    monkeypatch.setattr("chatd.server.histories.Comparison.wanted", breaking)
    crowd["ben"].say(m.Join(id=3, room="#a", after=5, trail=[(5, "0" * 8)]))
    playground.advance()
    only_that_one_is_gone(playground, crowd, "ben", broken, flush_failures)


def test_a_batch_that_cannot_be_encoded_is_taken_back_and_chat_goes_on(playground, crowd):
    hub = playground.server.hub
    crowd["ann"].say(*sends("#a", "one"))
    hub.world.post(hub.world.rooms["#a"], "topic", "ann", 0, "\ud800")
    hub.call()
    playground.advance(1)
    crowd["ann"].say(*sends("#a", "one"))
    crowd["ben"].say(*sends("#a", "two"))
    playground.advance(1)
    assert crowd["cem"].texts() == ["one", "two"]
    assert all(talker.lost is None for talker in crowd.values())
