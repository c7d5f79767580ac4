"""The archive keeps the newest of everybody, within bounds, and whatever happens to it is only told."""

import queue
from time import monotonic, sleep

import pytest

from chatd.store import archive as archives
from chatd.store.archive import Archive

DAY = 86_400_000
"""Milliseconds."""


@pytest.fixture
def open_archive(tmp_path):
    """Return a function that opens an archive on some day; ``failures`` are what it complained of."""
    opened = []

    def open_archive(day=0):
        failures = []
        archive = Archive(tmp_path, lambda: day * DAY, lambda done, *given: done(*given), failures.append)
        archive.failures = failures
        opened.append(archive)
        return archive

    yield open_archive
    for archive in opened:
        archive.close()


def keep(archive, number, key="ann", host="192.0.2.1", known=True, at=1_000):
    archive.keep(at, known, key, host, number, str(number).encode())


def found(archive, column, value):
    answers = queue.SimpleQueue()
    archive.find(column, value, answers.put)
    return [int(body) for body in answers.get(timeout=30)]


def until(true):
    """Wait until something is ``true``."""
    end = monotonic() + 30
    while not true():
        assert monotonic() < end
        sleep(0.01)


def test_what_was_kept_is_found_again_also_after_a_restart(open_archive):
    archive = open_archive()
    assert found(archive, "key", "ann") == []
    keep(archive, 1)
    keep(archive, 2, host="192.0.2.2")
    keep(archive, 3, key="ben")
    assert found(archive, "key", "ann") == [2, 1]
    archive.close()
    again = open_archive()
    assert found(again, "host", "192.0.2.1") == [3, 1]
    assert found(again, "number", 3) == [3]
    again.forget(["ann"])
    assert found(again, "host", "192.0.2.1") == [3]
    assert again.failures == []


def test_nothing_of_what_is_forgotten_is_left_in_the_file(open_archive, tmp_path):
    archive = open_archive()
    archive.keep(1_000, True, "ann", "192.0.2.1", 1, b"the life of ann")
    archive.keep(1_000, True, "ben", "192.0.2.1", 2, b"2")
    assert found(archive, "key", "ben") == [2]
    archive.forget(["ann"])
    assert found(archive, "key", "ann") == []
    assert [path.name for path in tmp_path.iterdir() if b"life of ann" in path.read_bytes()] == []


def test_fifty_of_each_are_kept_and_no_crowd_pushes_anybody_out(open_archive, monkeypatch):
    for name, number in (("TRIM_EVERY", 10), ("MAX_KNOWN", 200), ("MAX_STRANGERS", 20)):
        monkeypatch.setattr(archives, name, number)
    archive = open_archive()
    for number in range(120):
        keep(archive, number)
    assert found(archive, "key", "ann") == list(range(119, 69, -1))
    for number in range(500):
        keep(archive, 1000 + number, key=f"~{number}", known=False)
    assert found(archive, "key", "ann") == list(range(119, 69, -1))
    assert sum(len(found(archive, "key", f"~{number}")) for number in range(500)) <= 20 + 10


def test_what_is_too_old_goes_at_the_start(open_archive):
    archive = open_archive()
    keep(archive, 1)
    keep(archive, 2, key="ben", at=20 * DAY)
    assert found(archive, "key", "ann") == [1]
    archive.close()
    archive = open_archive(day=40)
    until(lambda: not found(archive, "key", "ann"))
    assert found(archive, "key", "ben") == [2]


@pytest.mark.parametrize("busy", [False, True])
def test_what_is_too_old_goes_in_time_also_where_nobody_comes(open_archive, monkeypatch, busy):
    monkeypatch.setattr(archives, "TRIM_WITHIN", 0.05)
    archive = open_archive(day=40)
    keep(archive, 1)
    keep(archive, 2, at=20 * DAY)

    def gone():
        if busy:
            archive.keep_line("a line")
        return found(archive, "key", "ann") == [2]

    until(gone)
    assert archive.failures == []


def test_too_much_at_once_is_dropped_and_counted(open_archive, monkeypatch):
    monkeypatch.setattr(archives, "MAX_WAITING", 0)
    archive = open_archive()
    keep(archive, 1)
    assert archive.dropped == 1


def test_a_damaged_file_gives_way_to_a_new_one(open_archive, tmp_path):
    (tmp_path / archives.FILE_NAME).write_bytes(b"this is no database" * 1000)
    archive = open_archive()
    keep(archive, 1)
    assert found(archive, "key", "ann") == [1]
    assert len(archive.failures) == 1


def test_a_folder_that_takes_nothing_is_told_of_once(open_archive, tmp_path):
    (tmp_path / archives.FILE_NAME).mkdir()
    archive = open_archive()
    for number in range(3):
        keep(archive, number)
        assert found(archive, "key", "ann") == []
    assert len(archive.failures) == 1


def test_entries_keep_their_order_however_many_come_at_once(open_archive, monkeypatch):
    monkeypatch.setattr(archives, "TOGETHER", 3)
    archive = open_archive()
    for number in range(40):
        keep(archive, number)
    assert found(archive, "key", "ann") == list(range(39, -1, -1))


def page(archive, after):
    answers = queue.SimpleQueue()
    archive.lines(after, answers.put)
    return answers.get(timeout=30)


def test_lines_have_cursors_that_no_restart_begins_anew(open_archive, monkeypatch):
    monkeypatch.setattr(archives, "PAGE", 4)
    archive = open_archive()
    assert page(archive, 0) == (0, 0, [])
    for number in range(1, 11):
        archive.keep_line(f"line {number}")
    seen, after = [], 0
    while (found := page(archive, after)).lines:
        seen += found.lines
        after = found.lines[-1][0]
    assert seen == [(number, f"line {number}") for number in range(1, 11)]
    assert page(archive, -2).lines == [(9, "line 9"), (10, "line 10")]
    assert page(archive, -100).lines[0] == (1, "line 1")
    archive.close()
    again = open_archive()
    again.keep_line("line 11")
    assert page(again, 10) == (1, 11, [(11, "line 11")])


def test_so_many_lines_are_kept(open_archive, monkeypatch):
    monkeypatch.setattr(archives, "TRIM_EVERY", 10)
    monkeypatch.setattr(archives, "MAX_LINES", 30)
    archive = open_archive()
    for number in range(200):
        archive.keep_line(f"line {number}")
    first, last, _ = page(archive, 0)
    assert last == 200
    assert last - first <= 30 + archives.TOGETHER
    for _ in range(20):
        archive.keep_line("more")
        page(archive, 0)
    first, last, _ = page(archive, 0)
    assert last - first <= 45
