"""No server is relied upon that would lose in a power cut what it has acknowledged."""

import pytest

from chatd.cluster.durability import fault_of
from chatd.cluster.jetstream import Options
from tests.cluster.ear import Ear
from tests.cluster.servers import Servers

GOOD = {"api": {"level": 2}, "config": {"sync_always": True}}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (GOOD, ""),
        (GOOD | {"disabled": True}, "no JetStream"),
        ({}, "no JetStream"),
        ([], "no JetStream"),
        (GOOD | {"api": {"level": 1}}, "older than 2.12"),
        (GOOD | {"api": None}, "older than 2.12"),
        (GOOD | {"config": {}}, "sync_interval: always"),
        (GOOD | {"config": {"sync_always": "yes"}}, "sync_interval: always"),
    ],
)
def test_what_is_wrong_with_a_server(told, says):
    fault = fault_of("http://one:8222", told)
    assert bool(fault) == bool(says)
    assert says in fault
    assert not fault or fault.startswith("The server at http://one:8222 ")


@pytest.mark.parametrize(("sync", "says"), [("always", ""), ("2m", "sync_interval: always")])
def test_a_server_tells_how_it_writes(tmp_path, sync, says):
    servers = Servers(tmp_path, 1, sync)
    try:
        options = Options(servers.urls, replicas=1, monitors=(*servers.monitors,))
        ear = Ear(options, opened=not says)
        if says:
            assert says in str(ear.wait("failed"))
        ear.stop()
    finally:
        servers.stop()


def test_a_monitoring_address_that_does_not_answer_is_told_of(tmp_path):
    servers = Servers(tmp_path, 1)
    try:
        monitors = ("http://127.0.0.1:9", "ftp://127.0.0.1:9")
        ear = Ear(Options(servers.urls, replicas=1, monitors=monitors), opened=False)
        said = str(ear.wait("failed"))
        ear.stop()
    finally:
        servers.stop()
    assert "http://127.0.0.1:9 does not tell how it writes" in said
    assert "ftp://127.0.0.1:9 is no http:// address" in said


def test_a_stream_that_has_not_its_replicas_is_refused(tmp_path):
    servers = Servers(tmp_path, 1)
    try:
        Ear(Options(servers.urls, replicas=1)).stop()
        ear = Ear(Options(servers.urls, replicas=3), opened=False)
        assert "has num_replicas 1 where chatd needs 3" in str(ear.wait("failed"))
        ear.stop()
    finally:
        servers.stop()
