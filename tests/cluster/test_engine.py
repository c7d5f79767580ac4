"""The engine against a real server: appends are fenced and settled, the stream is read, one node leads."""

from threading import Event

import pytest

from chatd.cluster.jetstream import Options
from chatd.cluster.journal import JournalError, LostError, ReplacedError
from tests.cluster.ear import Ear
from tests.cluster.servers import Servers

SHORT = 1.0
"""Seconds of a lease that is to end: as few as the server's clock for what ends by itself allows."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    running = Servers(tmp_path_factory.mktemp("nats"), 1)
    yield running
    running.stop()


@pytest.fixture
def options(servers, request):
    return Options(servers.urls, f"t{abs(hash(request.node.name)):x}", replicas=1)


@pytest.fixture
def listen(options):
    """Return a function that opens an engine of one node; all end with the test."""
    ears = []

    def listen_(name="node", **other):
        ears.append(Ear(options._replace(**other), name))
        return ears[-1]

    yield listen_
    for ear in ears:
        if ear.engine._side._thread.is_alive():
            ear.stop()


def test_what_was_appended_is_read_in_order_by_everybody(listen):
    one, two = listen("one"), listen("two")
    two.engine.read(0)
    assert one.append([b"a"], 0) == 1
    assert one.append([b"b" * one.engine.limit, b"c", b"d"], 1) == 4
    assert one.append([b"e"], 4) == 5
    one.engine.read(2)
    two.until(lambda: len(two.messages) == 5, "five messages")
    one.until(lambda: len(one.messages) == 3, "three messages")
    assert two.messages == [(1, b"a"), (2, b"b" * one.engine.limit), (3, b"c"), (4, b"d"), (5, b"e")]
    assert one.messages == two.messages[2:]


@pytest.mark.parametrize("parts", [[b"mine"], [b"mine", b"too"]])
def test_what_another_one_has_appended_there_is_found_out(listen, parts):
    one, two = listen("one"), listen("two")
    assert one.append([b"first"], 0) == 1
    assert two.append([b"rival"], 1) == 2
    assert isinstance(one.append(parts, 1), ReplacedError)
    assert one.append(parts, 2) == 2 + len(parts)


@pytest.mark.parametrize("parts", [[b"mine"], [b"mine", b"too"]])
def test_an_append_whose_answer_was_lost_is_acknowledged_once(listen, parts):
    one = listen()
    assert one.append([b"first"], 0) == 1
    one.run(one.engine._jetstream.publish(parts, 1))  # it arrives, and nobody hears of it
    assert one.append(parts, 1) == 1 + len(parts)
    one.engine.read(0)
    assert one.append([b"last"], 1 + len(parts)) == 2 + len(parts)
    one.until(lambda: len(one.messages) == 2 + len(parts), "all of it")
    assert [data for _, data in one.messages] == [b"first", *parts, b"last"]


def test_a_server_that_comes_back_is_gone_on_with(listen, servers):
    one, two = listen("one"), listen("two")
    two.engine.read(0)
    assert one.append([b"a"], 0) == 1
    servers.kill(0)
    got = []
    one.engine.append([b"b"], 1, got.append)
    servers.start(0)
    one.until(lambda: got, "an outcome")
    assert got == [2]
    assert one.append([b"c"], 2) == 3
    two.until(lambda: len(two.messages) == 3, "all of it")
    assert two.messages == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_a_stream_that_has_lost_messages_is_told_of(listen, monkeypatch):
    monkeypatch.setattr("chatd.cluster.settling.DOUBTS", 2)
    monkeypatch.setattr("chatd.cluster.reading.DOUBTS", 2)
    one = listen()
    assert one.append([b"a"], 0) == 1
    assert isinstance(one.append([b"c"], 2), LostError)
    one.engine.read(2)
    assert isinstance(one.wait("failed"), LostError)


def test_a_node_that_was_away_for_too_long_is_told_of(listen):
    one, two = listen("one"), listen("two")
    for number in range(3):
        one.append([b"x"], number)
    one.run(one.engine._jetstream.demand(f"STREAM.PURGE.{one.engine._jetstream.stream}", seq=3))
    two.engine.read(0)
    assert "begins with message 3" in str(two.wait("failed"))
    assert isinstance(two.told["failed"][0], JournalError)
    one.engine.read(2)
    one.until(lambda: one.messages, "the last one")
    assert one.messages == [(3, b"x")]


def test_a_stream_with_other_terms_is_refused(listen):
    one = listen()
    jetstream = one.engine._jetstream
    one.engine._side.do(jetstream.open_stream(jetstream.stream, jetstream.subject, storage="memory"))
    assert "storage file where chatd needs memory" in str(one.wait("failed"))


def test_one_leads_and_another_one_does_when_it_parts(listen):
    one, two = listen("one"), listen("two")
    one.engine.campaign()
    first = one.wait("chosen")
    two.engine.campaign()
    two.until(lambda: two.engine.leader == "one", "the leader's name")
    assert not two.told["chosen"]
    one.stop()
    assert two.wait("chosen") > first
    assert two.engine.leader == "two"
    assert not two.told["lost"]


def test_one_that_is_killed_is_followed_once_its_lease_is_over(listen):
    one, two = listen("one", lease=SHORT), listen("two", lease=SHORT)
    one.engine.campaign()
    first = one.wait("chosen")
    two.engine.campaign()
    one.die()
    assert two.wait("chosen") > first


def test_whoever_slept_longer_than_its_lease_learns_that_another_one_leads(listen):
    one, two = listen("one", lease=SHORT), listen("two", lease=SHORT)
    one.engine.campaign()
    first = one.wait("chosen")
    two.engine.campaign()
    awake = Event()
    one.engine._side.soon(awake.wait)
    assert two.wait("chosen") > first
    awake.set()
    one.wait("lost")
    assert not two.told["lost"]
    two.engine.release()
    two.wait("lost")
    one.engine.campaign()
    assert one.wait("chosen", 2) > two.told["chosen"][0]


def test_servers_that_were_away_cost_nobody_the_lease(listen, servers):
    one = listen("one", lease=SHORT)
    one.engine.campaign()
    one.wait("chosen")
    servers.freeze(0)
    one.pump(2 * SHORT)
    servers.thaw(0)
    lease = one.engine._lease
    behind = lease._revision
    one.until(lambda: lease._revision > behind + 1, "renewals")
    assert not one.told["lost"]


def test_a_renewal_whose_answer_was_lost_keeps_the_lease(listen):
    one = listen("one")
    one.engine.campaign()
    one.wait("chosen")
    lease = one.engine._lease
    behind = one.run(lease._put(lease._revision))  # it arrives, and nobody hears of it
    one.until(lambda: lease._revision > behind, "another renewal")
    assert not one.told["lost"]
