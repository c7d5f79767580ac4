"""Three nodes over three real servers: whoever dies, what was acknowledged is on all of them, once."""

import pytest

from chatd.cluster.jetstream import Options
from tests.cluster.servers import Servers
from tests.cluster.three import Three


@pytest.fixture
def servers(tmp_path):
    running = Servers(tmp_path, 3)
    yield running
    running.stop()


@pytest.fixture
def three(servers):
    cluster = Three(Options(servers.urls))
    yield cluster
    for machine in cluster.machines:
        if machine.engine._side._thread.is_alive():
            machine.engine.stop()


def leader_of_the_stream(three):
    """Return the number of the server that leads the stream."""
    got = []
    jetstream = three.machines[0].engine._jetstream
    three.machines[0].engine._side.do(jetstream.demand(f"STREAM.INFO.{jetstream.stream}"), got.append)
    three.until(lambda: got, "the stream's leader")
    return int(got[0]["cluster"]["leader"].removeprefix("server"))


def test_whoever_dies_nothing_that_was_acknowledged_is_lost(servers, three, record_property):
    three.until(three.leader, "a leader")
    three.say_more()

    dead = three.leader()
    dead.die()
    record_property("leader killed", three.until(three.leader, "another leader") + three.say_more(3))
    assert three.leader() is not dead
    dead.begin()
    three.say_more()

    number = leader_of_the_stream(three)
    servers.kill(number)
    record_property("server killed", three.say_more(3))
    three.say_more()
    servers.start(number)
    three.say_more()

    for number in range(3):
        servers.kill(number)
    for number in range(3):
        servers.start(number)
    record_property("all servers killed", three.say_more(3))
    three.say_more()
    three.check()
