"""What any stranger can make the daemon write is bounded, and what was held back is counted."""

import io

import pytest
from twisted.internet.tcp import Port
from twisted.logger import Logger

from chatd.ops import event_lines
from chatd.ops.allowance import PER_MINUTE, RESERVE
from chatd.ops.log import Log
from chatd.ops.observers import Lines, Sink


class Board:
    def __init__(self, level="info"):
        self.now = 0.0
        self.stream = io.StringIO()
        self.observer = Lines(event_lines.text_line, Sink(self.stream, level), lambda: self.now)
        self.log = Log("chatd.test", Logger("chatd.test", observer=self.observer))

    @property
    def said(self):
        return [line.split(" ", 1)[1] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def board():
    return Board()


def test_one_kind_is_bounded_per_minute_and_the_others_are_heard(board):
    minutes = 5
    for n in range(minutes * 10_000):
        board.now = n / 10_000 * 60
        board.log.info("client-in", nick="x" * 100)
    size = len(board.stream.getvalue())
    assert RESERVE < size < RESERVE + minutes * PER_MINUTE + 10_000
    board.log.info("client-out")
    assert board.said[-1] == "info client-out"


def test_every_line_is_written_or_counted(board):
    count = 20_000
    for _ in range(count):
        board.log.info("client-in", nick="x" * 100)
    board.now = 61.0
    board.log.info("stop")
    limited = [line for line in board.said if "log-limited" in line]
    assert len(limited) == 2
    assert all("kind=client-in" in line for line in limited)
    held_back = sum(int(line.rpartition("suppressed=")[2]) for line in limited)
    assert held_back + sum(line.startswith("info client-in") for line in board.said) == count


def test_tracebacks_count_with_their_length(board):
    for _ in range(5000):
        board.log.failure("connection-fault", ValueError("x" * 1000))
    assert len(board.stream.getvalue()) < RESERVE + 30_000


def test_no_descriptors_is_said_once_in_a_while(board):
    logger = Logger("twisted.internet.tcp.Port", source=Port, observer=board.observer)
    for n in range(1000):
        board.now = n / 100
        logger.info("EMFILE encountered; releasing reserved file descriptor.")
        logger.info("EMFILE recovery: Closed socket from {address}", address=n)
        logger.info("Re-reserving EMFILE recovery file descriptor.")
    (line,) = board.said
    assert line.startswith("warn accept-failed ")
    assert line.endswith("error=EMFILE")
    board.now = 20.0
    logger.info("EMFILE encountered; releasing reserved file descriptor.")
    assert board.said[-1].endswith("error=EMFILE suppressed=999")


def test_what_libraries_say_in_peace_is_for_developers(board):
    loud = Board("debug")
    for one in (board, loud):
        logger = Logger("twisted.x", observer=one.observer)
        logger.info("reactor class: {reactor}.", reactor="r")
        logger.warn("Look here")
    assert board.said == ["warn other Look here namespace=twisted.x"]
    assert loud.said[0] == "debug other reactor class: r. namespace=twisted.x"


def test_that_lines_are_missing_is_written_whatever_the_level():
    board = Board("critical")
    board.log.warn("log-dropped", "The log could not be written in time.", count=3)
    board.log.error("store-broken")
    assert board.said == ["warn log-dropped The log could not be written in time. count=3"]
