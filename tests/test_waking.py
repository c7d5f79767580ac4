"""What threads have found is taken in by the reactor's thread: all of it, in order, and once."""

import os
from threading import Thread, current_thread

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from chatd.waking import Waker


class WakerTests(TestCase):
    """On the real reactor."""

    def setUp(self):
        self.waker = Waker(reactor)
        self.addCleanup(self.waker.close)
        self.made = []
        self.done = Deferred()

    def make(self, thread, number):
        assert current_thread() is self.here
        self.made.append((thread, number))
        if len(self.made) == 4000:
            self.done.callback(None)

    async def test_calls_of_many_threads_are_made_once_and_in_order(self):
        self.here = current_thread()

        def ask(thread):
            for number in range(1000):
                self.waker(self.make, thread, number)

        threads = [Thread(target=ask, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        await self.done
        for thread in threads:
            thread.join()
        for thread in range(4):
            assert [number for one, number in self.made if one == thread] == list(range(1000))

    async def test_a_fault_keeps_no_other_call_waiting(self):
        called = Deferred()
        self.waker(lambda: 1 // 0)
        self.waker(called.callback, "called")
        assert await called == "called"
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    async def test_a_call_may_ask_for_another(self):
        called = Deferred()
        self.waker(self.waker, called.callback, "called")
        assert await called == "called"

    async def test_it_may_be_woken_for_nothing(self):
        self.waker.doRead()
        called = Deferred()
        self.waker(called.callback, "called")
        assert await called == "called"

    async def test_many_calls_are_one_write(self):
        for _ in range(100):
            self.waker(self.made.append, 1)
        assert os.read(self.waker.fileno(), 64) == b"x"
        self.waker._woken = False
        called = Deferred()
        self.waker(called.callback, None)
        await called
        assert len(self.made) == 100

    async def test_nothing_is_called_behind_the_end(self):
        self.waker(self.made.append, 1)
        self.waker.close()
        self.waker(self.made.append, 2)
        later = Deferred()
        reactor.callLater(0.01, later.callback, None)
        await later
        assert not self.made
