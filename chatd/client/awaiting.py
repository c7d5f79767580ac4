"""What a program waits for: the answers to its requests, its sends becoming durable, the connection."""

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from chatd.client.core import arguments
from chatd.client.core.notices import Accepted, Connected, Notice, SendRefused
from chatd.client.core.outbox import SAY
from chatd.client.core.problems import ClientError, UnansweredError
from chatd.client.driver import Driver
from chatd.client.since import why_unknown
from chatd.client.values import Sent
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import Error, File, Ok, Request


class Awaiting:
    """Asks by the ``driver``, and keeps a Deferred for everything that was asked until its answer comes."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._asked: dict[int, Deferred[Ok]] = {}
        self._sends: dict[int, Deferred[Sent]] = {}
        self._ready: list[Deferred[None]] = []

    # ---- asking -------------------------------------------------------------------------------------

    def ask(self, message: Request) -> Deferred[Ok]:
        """Ask any request of the protocol; its ``id`` is filled in. One that no server can read fails."""
        try:
            arguments.request(message)
        except ClientError as error:
            return fail(error)
        machine = self._driver.machine
        number, effects = machine.orders.ask(message, self._driver.now())
        asked: Deferred[Ok] = Deferred(
            lambda _: self._driver.feed(machine.orders.cancel(number, self._driver.now()))
        )
        self._asked[number] = asked
        self._driver.feed(effects)
        asked.addErrback(self._explain, type(message))
        return asked

    def _explain(self, failure: Failure, kind: type[Request]) -> Failure:
        """Say that the server is of an earlier version, if it does not know such a ``kind`` of request."""
        problem, link = failure.value, self._driver.machine.links.current
        if isinstance(problem, RequestError) and problem.code == Code.UNSUPPORTED and link is not None:
            why = why_unknown(kind, link.features)
            if why is not None:
                return Failure(RequestError(problem.code, why))
        return failure

    def post(
        self,
        room: str,
        text: str,
        file: File | None = None,
        kept: int | None = None,
        act: str = SAY,
        ref: int = 0,
    ) -> tuple[int, Deferred[Sent]]:
        """Queue a send, or what ``act`` does; return its key too. The upload ``kept`` is forgotten."""
        orders, now = self._driver.machine.orders, self._driver.now()
        key, effects = orders.queue(room, text, now, file, kept, act, ref)
        sent: Deferred[Sent] = Deferred(lambda _: self.withdraw([key]))
        self._sends[key] = sent
        self._driver.feed(effects)
        return key, sent

    def done(self, room: str, seq: int, answers: Iterable[tuple[str, str, int]]) -> Deferred[None]:
        """Note that the events of ``room`` up to ``seq`` are done, and queue ``answers``, in one write."""
        _, effects = self._driver.machine.orders.done(room, seq, answers, self._driver.now())
        self._driver.feed(effects)
        return self._driver.saving.written()

    def type(self, room: str) -> None:
        """Let others know that somebody types in ``room``, if that can be told now."""
        driver = self._driver
        driver.feed(driver.machine.orders.type(room, driver.now()))

    def withdraw(self, keys: Iterable[int]) -> None:
        """Take back the sends ``keys``; nobody waits for them any more."""
        taken = set(keys)
        for key in taken:
            self._sends.pop(key, None)
        self._driver.feed(self._driver.machine.orders.withdraw(taken))

    def wait_for(self, key: int) -> Deferred[Sent]:
        """Wait for the send ``key``, which an earlier run has left."""
        sent = self._sends[key] = Deferred()
        return sent

    def ready(self) -> Deferred[None]:
        """Wait for the connection."""
        waiting: Deferred[None] = Deferred()
        self._ready.append(waiting)
        return waiting

    # ---- answers ------------------------------------------------------------------------------------

    def replied(self, number: int, answer: Ok | Error | None) -> None:
        """Tell who asked ``number``; None: the answer never comes."""
        asked = self._asked.pop(number, None)
        if asked is None or asked.called:
            return
        if isinstance(answer, Ok):
            asked.callback(answer)
        else:
            asked.errback(UnansweredError() if answer is None else _refusal(answer.code, answer.text))

    def noticed(self, notice: Notice) -> None:
        """Tell who waits for what ``notice`` says."""
        if isinstance(notice, Accepted):
            sent = self._sends.pop(notice.key, None)
            if sent is not None:
                sent.callback(Sent(notice.key, notice.room, notice.seq, notice.ts, notice.n, notice.already))
        elif isinstance(notice, SendRefused):
            sent = self._sends.pop(notice.key, None)
            if sent is not None:
                sent.errback(_refusal(notice.code, notice.reason))
        elif isinstance(notice, Connected):
            ready, self._ready = self._ready, []
            for waiting in ready:
                waiting.callback(None)

    def fail(self, error: ClientError) -> None:
        """Tell everybody that nothing comes any more."""
        waiting: list[Deferred[Any]] = [*self._ready, *self._sends.values(), *self._asked.values()]
        self._ready, self._sends, self._asked = [], {}, {}
        for deferred in waiting:
            if not deferred.called:
                deferred.errback(error)


def _refusal(code: str, text: str) -> RequestError:
    known = code in list(Code)
    return RequestError(Code(code) if known else Code.UNSUPPORTED, text)
