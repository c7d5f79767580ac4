"""The log's writer: it holds nobody up, keeps the order, and says how much it could not write."""

import os
import threading
import time

import pytest

from chatd.ops.writer import MAX_WAITING, Descriptor, File, Writer


class Memory:
    """A target that is shut and opened by the test, and that may fail."""

    encoding = "utf-8"

    def __init__(self):
        self.open = threading.Event()
        self.taken = b""
        self.failures = 0

    def send(self, lines):
        self.open.wait()
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        self.taken += lines[:7]
        return len(lines[:7])

    def reopen(self):
        self.taken += b"<reopened>"


@pytest.fixture
def memory():
    target = Memory()
    yield target
    target.open.set()


def test_nothing_is_written_before_the_start_and_all_at_the_end(memory):
    memory.open.set()
    writer = Writer(memory)
    writer.write("one\n")
    assert memory.taken == b""
    writer.start()
    writer.write("two\n")
    writer.close()
    assert memory.taken == b"one\ntwo\n"


def test_what_was_said_before_a_failed_start_is_written(memory):
    memory.open.set()
    writer = Writer(memory)
    writer.write("one\n")
    writer.close()
    assert memory.taken == b"one\n"


def test_nobody_waits_for_the_reader_and_what_is_dropped_is_said(memory, logged_events):
    writer = Writer(memory)
    writer.start()
    line = "x" * 999 + "\n"
    count = 3 * MAX_WAITING // len(line)
    for _ in range(count):
        writer.write(line)
    memory.send = lambda lines: setattr(memory, "taken", memory.taken + lines) or len(lines)
    memory.open.set()
    writer.close(20)
    written = memory.taken.count(b"\n")
    assert MAX_WAITING - 2 * len(line) < written * len(line) <= MAX_WAITING
    (said,) = [event["chatd"] for event in logged_events if "chatd" in event]
    assert (said.name, said.fields) == ("log-dropped", {"count": count - written})


def test_the_end_does_not_wait_for_the_reader(memory):
    writer = Writer(memory)
    writer.start()
    writer.write("one\n")
    writer.close(0.05)
    assert memory.taken == b""


def test_a_full_disk_is_told_of_and_its_end(memory, monkeypatch, logged_events):
    monkeypatch.setattr("chatd.ops.writer.RETRY", 0.01)
    memory.failures = 3
    memory.open.set()
    writer = Writer(memory)
    writer.start()
    writer.write("one line\n")
    writer.write("another line\n")
    end = time.monotonic() + 20
    while memory.taken != b"one line\nanother line\n":
        assert time.monotonic() < end
        time.sleep(0.01)
    writer.close(20)
    told = [
        (event["chatd"].name, event["chatd"].fields.get("error"))
        for event in logged_events
        if "chatd" in event
    ]
    assert told == [("log-failed", "[Errno 28] No space left on device"), ("log-mended", None)]


def test_a_full_disk_is_tried_again(memory, monkeypatch):
    monkeypatch.setattr("chatd.ops.writer.RETRY", 0.01)
    memory.failures = 3
    memory.open.set()
    writer = Writer(memory)
    writer.start()
    writer.write("one line\n")
    while memory.taken != b"one line\n":
        time.sleep(0.01)
    writer.close()


def test_a_file_is_opened_anew_in_order(tmp_path):
    path = tmp_path / "log"
    writer = Writer(File(str(path)))
    writer.write("one\n")
    path.rename(tmp_path / "old")
    writer.reopen()
    writer.write("two\n")
    writer.start()
    writer.close()
    assert ((tmp_path / "old").read_text(), path.read_text()) == ("one\n", "two\n")


def test_the_old_file_is_kept_where_no_new_one_can_be_opened(tmp_path, logged_events):
    path = tmp_path / "log"
    writer = Writer(File(str(path)))
    path.rename(tmp_path / "old")
    path.mkdir()
    writer.reopen()
    writer.write("two\n")
    writer.close()
    assert (tmp_path / "old").read_text() == "two\n"
    assert logged_events[-1]["chatd"].name == "log-reopen-failed"


def test_a_shared_descriptor_that_does_not_block_is_waited_for():
    reader, number = os.pipe()
    os.set_blocking(number, False)
    writer = Writer(Descriptor(number))
    writer.start()
    for _ in range(5):
        writer.write("x" * 50_000)
    left = 250_000
    while left:
        left -= len(os.read(reader, left))
    writer.close()
    os.close(reader)
    os.close(number)


def test_a_fifo_without_a_reader_does_not_hold_up_the_start(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="No such device"):
        File(str(tmp_path / "fifo"))
