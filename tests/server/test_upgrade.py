"""An upgrade that comes to nothing leaves nothing behind; the processes are not started here."""

from types import SimpleNamespace

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from chatd.ops.log import KEY
from chatd.ops.settings import Config, ListenConfig
from chatd.service import ChatService, _Running
from chatd.succession import PATIENCE
from chatd.testing import Playground

DEAD = "The new program has ended before it had the data; start the daemon again."


class Process:
    """A process that has begun."""

    def __init__(self):
        self.pid = 7
        self.ended = False
        self.closed = []

    def signalProcess(self, _):
        if self.ended:
            raise ProcessExitedAlready
        self.ended = True

    def closeChildFD(self, number):
        self.closed.append(number)


class Machine(Clock):
    """A reactor that starts processes of this file, unless it cannot: ``error``."""

    error: OSError | None = None

    def __init__(self):
        super().__init__()
        self.started = []
        self.stopped = False

    def spawnProcess(self, protocol, *_, **__):
        if self.error is not None:
            raise self.error
        protocol.transport = Process()
        self.started.append(protocol)

    def stop(self):
        self.stopped = True


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def service(machine):
    """Return a service that runs without listeners."""
    playground = Playground()
    playground.start_server()
    made = ChatService(Config(), machine)
    made._running = _Running(playground._daemon, *[None] * (len(_Running._fields) - 1))
    return made


@pytest.fixture
def said(logged_events):
    return lambda: [
        event[KEY] for event in logged_events if KEY in event and event[KEY].name == "upgrade-failed"
    ]


def upgrade(service):
    return Deferred.fromCoroutine(service.upgrade())


def test_a_program_that_cannot_be_started_is_not_waited_for(service, machine, said):
    machine.error = OSError("no processes left")
    answers = []
    upgrade(service).addCallback(answers.append)
    assert answers == ["no processes left"]
    machine.advance(2 * PATIENCE)
    assert len(said()) == 1
    assert not machine.getDelayedCalls()

    machine.error = None
    upgrade(service).addCallback(answers.append)
    machine.started[0].childDataReceived(3, b"\n")
    assert answers[1:] == [""], "another one begins"
    machine.advance(0)
    assert machine.stopped


def test_listeners_that_cannot_be_handed_over_are_known_before_the_program_is_waited_for(
    service, machine, said
):
    endpoint = "haproxy:ssl:0"
    setting = SimpleNamespace(config=ListenConfig(endpoint=endpoint))
    service._listeners.set([SimpleNamespace(setting=setting, chat=SimpleNamespace())])
    answers = []
    upgrade(service).addCallback(answers.append)
    assert answers[0].endswith("cannot be handed over; restart the daemon.")
    machine.advance(2 * PATIENCE)
    assert not machine.started
    assert len(said()) == 1


def test_whoever_asks_may_leave_and_ask_again(service, machine, said):
    first = upgrade(service)
    failures = []
    first.addErrback(failures.append)
    first.cancel()
    assert failures[0].check(CancelledError)
    assert machine.started[0].transport.ended
    assert len(said()) == 1
    machine.advance(2 * PATIENCE)

    answers = []
    upgrade(service).addCallback(answers.append)
    machine.started[1].childDataReceived(3, b"\n")
    assert answers == [""]


def test_a_program_that_is_not_ready_in_time_is_ended(service, machine, said):
    answers = []
    upgrade(service).addCallback(answers.append)
    machine.advance(PATIENCE)
    assert answers[0].startswith("The new program was not ready within")
    assert machine.started[0].transport.ended
    assert len(said()) == 1


@pytest.fixture
def successor(service, machine):
    """Return a program that is ready."""
    upgrade(service)
    (started,) = machine.started
    started.childDataReceived(3, b"\n")
    return started


def die(successor):
    """Let the process of ``successor`` end, as the reactor tells it."""
    successor.transport.ended = True
    successor.processExited(Failure(ProcessTerminated(signal=9)))
    successor.processEnded(Failure(ProcessTerminated(signal=9)))


def test_a_program_that_dies_after_it_was_ready_is_counted_on_no_longer(service, successor, said):
    die(successor)
    assert [event.sentence for event in said()] == [DEAD]
    assert service._stop_listening() is None, "the listeners are closed, not left to a dead process"


def test_a_program_that_dies_during_the_drain_is_told_of_and_not_let_begin(service, successor, said):
    assert service._stop_listening() is successor
    die(successor)
    successor.go()
    assert not successor.transport.closed
    assert [event.sentence for event in said()] == [DEAD]


def test_a_program_that_has_begun_may_end_as_it_likes(service, successor, said):
    assert service._stop_listening() is successor
    successor.go()
    assert successor.transport.closed
    die(successor)
    assert not said()


def test_a_program_that_dies_before_it_is_ready_is_told_of_once(service, machine, said):
    answers = []
    upgrade(service).addCallback(answers.append)
    die(machine.started[0])
    assert "has ended before it was ready" in answers[0]
    assert len(said()) == 1
    assert not machine.getDelayedCalls()
