"""A disk that is full: senders are refused, readers read, and posting works again when there is room."""

import json
import resource

import pytest

from chatd.wire.errors import Code
from chatd.wire.messages import Error, Event, Hello, History, Join, Ok, Topic
from tests.end_to_end.harness.raw import sends

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def limit_files(daemon, size):
    """Let no file of the daemon grow beyond ``size`` bytes; writing beyond fails as on a full disk."""
    hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, hard))


def fill(daemon):
    """Let no file of the daemon grow any more."""
    limit_files(daemon, max(path.stat().st_size for path in daemon.data.iterdir()) // 4096 * 4096)


def free(daemon):
    """Give the daemon's disk room again."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, NO_LIMIT)


@pytest.fixture
def clients(daemon, connect):
    """Return a daemon and two members of #a with forty long messages in it."""
    daemon.log_file.touch()
    ann, bob = connect(daemon), connect(daemon)
    for client, nick in ((ann, "ann"), (bob, "bob")):
        client.enter(nick)
        client.ask(Join, room="#a")
    for n in range(1, 41):
        assert isinstance(ann.send("#a", "x" * 16_000, n), Ok)
    return daemon, ann, bob


def test_senders_are_refused_until_there_is_room(clients, connect):
    daemon, ann, bob = clients
    carl = connect(daemon)
    carl.enter("carl")
    carl.ask(Join, room="#b")
    fill(daemon)
    refused = [ann.send("#a", "y" * 16_000, 41) for _ in range(5)]
    assert {error.code for error in refused if isinstance(error, Error)} == {Code.STORAGE_UNAVAILABLE}
    assert all(isinstance(error, Error) for error in refused)
    topic = ann.ask(Topic, room="#a", text="not now")
    assert topic.code == Code.STORAGE_UNAVAILABLE
    page = carl.ask(History, room="#a", after=2, limit=3)
    assert [json.loads(bytes(event))["kind"] for event in page.events] == ["message"] * 3
    free(daemon)
    assert isinstance(ann.send("#a", "z", 41), Ok)
    heard = [bob.await_(Event, lambda event: event.kind == "message") for _ in range(41)]
    assert [event.n for event in heard] == list(range(1, 42))
    assert heard[-1].text == "z"
    seqs = [event.seq for event in heard]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    (broken,) = daemon.await_said("store-broken")
    assert "no file may grow that large there; raise the limit (ulimit -f)" in broken
    assert len(daemon.await_said("store-mended")) == 1


def test_nothing_in_flight_is_half_done(clients, connect):
    daemon, ann, bob = clients
    fill(daemon)
    ann.say(*sends("#a", [f"{n} " + "y" * 10_000 for n in range(100)], 41))
    answers = {}
    while len(answers) < 100:
        message = ann.hear()
        if isinstance(message, Ok | Error) and message.id > 1_000_000:
            answers[message.id - 1_000_000] = message
    accepted = [n for n, answer in answers.items() if isinstance(answer, Ok)]
    assert accepted == list(range(41, 41 + len(accepted)))
    assert len(accepted) < 100
    codes = {answer.code for answer in answers.values() if isinstance(answer, Error)}
    assert codes <= {Code.STORAGE_UNAVAILABLE, Code.OUT_OF_ORDER}
    free(daemon)
    last = 41 + len(accepted)
    assert isinstance(ann.send("#a", "the first one after", last), Ok)
    heard = [bob.await_(Event, lambda event: event.kind == "message").n for _ in range(last)]
    assert heard == list(range(1, last + 1))
    daemon.kill()
    daemon.start()
    late = connect(daemon)
    late.enter("late")
    late.join("#a", after=0)
    kept = [event for event in late.events("#a", last + 3) if event.kind == "message"]
    assert [event.n for event in kept] == list(range(1, last + 1))
    assert kept[-1].text == "the first one after"


def test_newcomers_are_told(clients, connect):
    daemon, _, _ = clients
    fill(daemon)
    limit_files(daemon, 4096)
    eve = connect(daemon)
    eve.say(Hello(nick="eve"))
    error = eve.rest()[-1]
    assert error.code == Code.STORAGE_UNAVAILABLE
    free(daemon)
    assert connect(daemon).enter("eve").nick == "eve"


def test_those_who_were_here_can_come_back(daemon, connect):
    ann = connect(daemon)
    token = ann.enter("ann").token
    ann.ask(Join, room="#a")
    assert isinstance(ann.send("#a", "x", 1), Ok)
    limit_files(daemon, 4096)
    again = connect(daemon)
    welcome = again.enter(token=token, cursors={"#a": 0}, follow="listed")
    assert (welcome.resumed, welcome.last) == (True, 1)
    assert [event.kind for event in again.events("#a", 2)] == ["join", "message"]
    assert again.send("#a", "y", 2).code == Code.STORAGE_UNAVAILABLE
    free(daemon)
    assert isinstance(again.send("#a", "y", 2), Ok)
