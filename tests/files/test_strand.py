"""Strands: one job after the other, results in the reactor's thread."""

import gc
import os
import sys
import threading
from collections import deque
from queue import SimpleQueue

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.files.strand import NICE, Strand, Threads, work


class ByHand:
    """Workers whose jobs run when they are told to."""

    def __init__(self):
        self.jobs = deque()

    def submit(self, job, done):
        self.jobs.append((job, done))

    def work(self):
        job, done = self.jobs.popleft()
        try:
            result = job()
        except Exception:  # noqa: BLE001
            result = Failure()
        done(result)


def test_jobs_of_a_strand_run_one_after_the_other():
    workers = ByHand()
    one, other = Strand(workers), Strand(workers)
    heard = []
    for number in range(3):
        one.submit(lambda number=number: number, heard.append)
    other.submit(lambda: "other", heard.append)
    assert len(workers.jobs) == 2
    assert len(one) == 3
    while workers.jobs:
        workers.work()
    assert sorted(map(str, heard)) == ["0", "1", "2", "other"]
    assert [item for item in heard if item != "other"] == [0, 1, 2]
    assert not len(one)


def test_a_job_that_fails_tells_why_and_the_next_one_runs():
    workers = ByHand()
    strand = Strand(workers)
    heard = []
    strand.submit(lambda: 1 / 0, heard.append)
    strand.submit(lambda: 2, heard.append)
    workers.work()
    workers.work()
    assert isinstance(heard[0].value, ZeroDivisionError)
    assert heard[1] == 2


def test_work_is_waited_for_and_raises_what_the_job_raised():
    workers = ByHand()
    heard = []

    async def course():
        heard.append(await work(workers, lambda: 1))
        try:
            await work(Strand(workers), lambda: 1 / 0)
        except ZeroDivisionError:
            heard.append("raised")

    Deferred.fromCoroutine(course())
    assert not heard
    workers.work()
    assert heard == [1]
    workers.work()
    assert heard == [1, "raised"]


def test_threads_run_jobs_elsewhere_and_tell_here():
    calls = SimpleQueue()
    workers = Threads(lambda function, *args: calls.put((function, args)))
    try:
        heard = []
        strand = Strand(workers)
        strand.submit(threading.get_ident, heard.append)
        strand.submit(lambda: 1 / 0, heard.append)
        for _ in range(2):
            function, args = calls.get(timeout=10)
            function(*args)
    finally:
        workers.stop()
    assert heard[0] != threading.get_ident()
    assert isinstance(heard[1].value, ZeroDivisionError)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads priorities of their own")
def test_threads_give_way_to_the_reactor():
    calls = SimpleQueue()
    workers = Threads(lambda function, *args: calls.put((function, args)))
    own = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        heard = []
        workers.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), heard.append)
        function, args = calls.get(timeout=10)
        function(*args)
    finally:
        workers.stop()
    assert heard == [min(own + NICE, 19)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_a_job_leaves_nothing_for_the_garbage_collector():
    arrived = SimpleQueue()
    threads = Threads(lambda call, *args: arrived.put((call, args)), 2)

    def fail():
        raise ValueError

    gc.collect()
    gc.disable()
    try:
        for number in range(200):
            threads.submit(fail if number % 2 else int, repr)
        for _ in range(200):
            arrived.get(timeout=60)
        assert gc.collect() < 50
    finally:
        gc.enable()
        threads.stop()


def test_what_was_handed_in_before_the_end_is_done_and_nothing_behind_it():
    done = []
    threads = Threads(lambda call, *args: call(*args), 2)
    for _ in range(50):
        threads.submit(lambda: 1, done.append)
    threads.stop()
    assert done == [1] * 50
    threads.submit(lambda: 2, done.append)
    threads.stop()
    assert done == [1] * 50
