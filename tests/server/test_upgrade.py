"""An upgrade that comes to nothing leaves nothing behind; the processes are not started here."""

from types import SimpleNamespace

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from chatd.ops.differences import Report
from chatd.ops.log import KEY
from chatd.ops.settings import Config, ListenConfig
from chatd.service import SOON, ChatService
from chatd.succession import LAST_PATIENCE, LONG_PATIENCE, PATIENCE
from chatd.testing import Playground

DEAD = "The new program has ended before it served; this one goes on."


class Process:
    """A process that has begun."""

    def __init__(self):
        self.pid = 7
        self.ended = False
        self.closed = []

    def signalProcess(self, name):
        if self.ended:
            raise ProcessExitedAlready
        self.asked = name == "TERM"
        self.ended = name == "KILL"

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


class Held:
    """What runs, over a playground's daemon: its data are let go of as soon as ``free`` is called."""

    def __init__(self):
        playground = Playground()
        playground.start_server()
        self.daemon = playground._daemon
        self.config = Config()
        self.free = Deferred()
        self.kept = True

    async def let_go(self, terms, soonest, *, empty):
        del terms
        assert not empty
        assert soonest == SOON
        return await self.free

    async def left(self):
        pass

    def end_keeping(self):
        self.kept = False


class Begun(ChatService):
    """A service that takes note where it would open the data."""

    begun = 0

    def _begin(self, *, taken_over=False):
        assert taken_over
        self.begun += 1


@pytest.fixture
def service(machine):
    """Return a service that runs without listeners."""
    made = Begun(Config(), machine)
    made._running = Held()
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


def test_what_the_program_says_before_it_ends_is_told_and_bounded(service, machine):
    answers = []
    upgrade(service).addCallback(answers.append)
    machine.started[0].childDataReceived(3, b"listen: there is")
    machine.started[0].childDataReceived(3, b" none." + b"x" * 9999)
    die(machine.started[0])
    assert answers[0].startswith("The new program has ended before it was ready: listen: there is none.x")
    assert len(answers[0]) < 5000
    upgrade(service).addCallback(answers.append)
    die(machine.started[1])
    assert "standard error" in answers[1]
    assert not machine.getDelayedCalls()


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


def hand_over(service, machine):
    """Let the data be free for a program that is ready."""
    machine.advance(0)
    service._running.free.callback(True)
    machine.advance(0)


def test_it_is_not_reloaded_meanwhile(service, machine, successor):
    service._reloader = None
    assert service.reload().refused
    service._reloader = SimpleNamespace(reload=Report, stop=lambda: None)
    (problem,) = service.reload().problems
    assert "takes this one's place" in problem
    hand_over(service, machine)
    die(successor)
    assert not service.reload().refused


def test_the_daemon_ends_when_the_program_serves_and_not_before(service, machine, successor, said):
    hand_over(service, machine)
    assert successor.transport.closed
    machine.advance(LONG_PATIENCE - 1)
    assert not machine.stopped
    successor.childDataReceived(3, b"\n")
    assert machine.stopped
    die(successor)
    assert not said()
    assert not service.begun
    assert not machine.getDelayedCalls()


def test_a_program_that_dies_during_the_drain_is_done_without(service, machine, successor, said):
    die(successor)
    hand_over(service, machine)
    assert not successor.transport.closed
    assert service.begun == 1
    assert not service._running.kept
    assert [event.sentence for event in said()] == [DEAD]
    assert not machine.stopped


def test_so_is_one_that_dies_before_it_serves(service, machine, successor, said):
    hand_over(service, machine)
    assert not service.begun
    die(successor)
    assert service.begun == 1
    assert [event.sentence for event in said()] == [DEAD]


def test_one_that_hangs_is_ended_and_done_without(service, machine, successor, said):
    hand_over(service, machine)
    machine.advance(LONG_PATIENCE)
    assert successor.transport.ended
    die(successor)
    assert service.begun == 1
    assert [event.sentence for event in said()] == [DEAD]


def test_after_that_another_one_may_take_over(service, machine, successor):
    hand_over(service, machine)
    die(successor)
    service._running = Held()
    answers = []
    upgrade(service).addCallback(answers.append)
    machine.started[1].childDataReceived(3, b"\n")
    assert answers == [""]
    hand_over(service, machine)
    machine.started[1].childDataReceived(3, b"\n")
    assert machine.stopped


def test_data_that_cannot_be_closed_are_free_when_the_daemon_is_gone(service, machine, successor):
    machine.advance(0)
    service._running.free.callback(False)
    machine.advance(0)
    assert machine.stopped
    assert not successor.transport.closed, "the end of this process closes it"


def test_a_daemon_that_is_stopped_meanwhile_ends_and_so_does_the_program(service, machine, successor, said):
    hand_over(service, machine)
    stopped = []
    service.stopService().addCallback(stopped.append)
    assert successor.transport.asked
    assert not stopped
    machine.advance(LAST_PATIENCE)
    assert successor.transport.ended
    die(successor)
    assert stopped
    assert not service.begun
    assert not said()


def test_a_program_that_dies_before_it_is_ready_is_told_of_once(service, machine, said):
    answers = []
    upgrade(service).addCallback(answers.append)
    die(machine.started[0])
    assert "has ended before it was ready" in answers[0]
    assert len(said()) == 1
    assert not machine.getDelayedCalls()
