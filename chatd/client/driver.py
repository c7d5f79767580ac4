"""The driver: feeds the state machine with what happens, and performs the effects it answers with."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatd.client.core.effects import (
    Close,
    Connect,
    Effect,
    Errand,
    Fetch,
    Find,
    FindSibling,
    Finish,
    Keep,
    Notify,
    Over,
    Reply,
    Save,
    Settle,
    Staged,
    Write,
)
from chatd.client.core.machine import Machine
from chatd.client.core.notices import Connected, Notice
from chatd.client.net.factory import ChatClientFactory
from chatd.client.net.reasons import Ending, stranger
from chatd.client.net.seams import OpenConnection, Way
from chatd.client.profile.slot import Slot
from chatd.client.saving import Saving
from chatd.tcp import NOTSENT_LOWAT
from chatd.wire.limits import WINDOW
from chatd.wire.messages import Error, Ok

SIBLING_DELAY: Final = 0.2
"""Seconds between looks for the token of another process that is just connecting."""

SIBLING_LOOKS: Final = 15
"""Looks before we believe that the nick is somebody else's."""


class Driver:
    """One machine, its slot and its factory, under one clock; ``now`` is monotonic."""

    log = Logger()

    def __init__(
        self, machine: Machine, slot: Slot | None, way: Way, clock: IReactorTime, now: Callable[[], float]
    ) -> None:
        self.machine = machine
        self.now = now
        self.factory = ChatClientFactory(way, self, clock)
        self.on_notice: Callable[[Notice], None] = lambda _: None
        self.on_reply: Callable[[int, Ok | Error | None], None] = lambda *_: None
        self.on_errand: Callable[[Errand], None] = lambda _: None
        self.saving = Saving(machine, slot, clock, self._saved, self._tell)
        self._way = way
        self._clock = clock
        self._queue: deque[Effect] = deque()
        self._performing = False
        self._alarm: IDelayedCall | None = None
        self._looks = 0
        self._shut = False
        self._reached = False
        self._fresh: set[int] = set()
        self._clogged: set[int] = set()
        self._allowed = (0, NOTSENT_LOWAT)

    # ---- effects ------------------------------------------------------------------------------------

    def feed(self, effects: Iterable[Effect]) -> None:
        """Perform ``effects``, in order, behind those that are being performed."""
        self._queue.extend(effects)
        if self._performing:
            return
        self._performing = True
        try:
            while self._queue:
                effect = self._queue.popleft()
                _PERFORM[type(effect)](self, effect)
        finally:
            self._performing = False
        self._allow_unsent()
        self._set_alarm()

    def _connect(self, effect: Connect) -> None:
        self.factory.dial(effect.link, effect.delay, effect.segment)

    def _write(self, effect: Write) -> None:
        self.factory.write(effect.link, effect.data)

    def _close(self, effect: Close) -> None:
        self.factory.close(effect.link, effect.politely)

    def _notify(self, effect: Notify) -> None:
        self._reached = self._reached or isinstance(effect.notice, Connected)
        self._tell(effect.notice)

    def _tell(self, notice: Notice) -> None:
        self.on_notice(notice)

    def _reply(self, effect: Reply) -> None:
        self.on_reply(effect.id, effect.answer)

    def _allow_unsent(self) -> None:
        """Let the kernel take as much of our files as may be under way: a fast link is fed in few calls."""
        link = self.machine.links.current
        if link is None:
            return
        transfers = self.machine.requests.transfers
        budget = transfers.budget if transfers.all else 0
        allowed = link.number, max(NOTSENT_LOWAT, min(1 << budget.bit_length(), WINDOW))
        if allowed != self._allowed:
            self._allowed = allowed
            self.factory.allow_unsent(*allowed)

    def _errand(self, errand: Errand) -> None:
        self.on_errand(errand)

    def _save(self, effect: Save) -> None:
        self.saving.soon(urgent=effect.urgent)

    def _saved(self) -> None:
        self.feed(self.machine.saved(self.now()))

    def _find_sibling(self, _: FindSibling) -> None:
        self._looks = 0
        self._look_for_sibling()

    def _look_for_sibling(self) -> None:
        slot = self.saving.slot
        token = slot.sibling() if slot is not None else ""
        self._looks += 1
        known = token == self.machine.session.sibling
        if slot is not None and (not token or known) and slot.has_company() and self._looks < SIBLING_LOOKS:
            self._clock.callLater(SIBLING_DELAY, self._look_for_sibling)
        else:
            self.feed(self.machine.sibling(token, self.now()))

    def shut(self) -> None:
        """Write down what is left, and let go of the slot and of the clock."""
        self._shut = True
        self.saving.shut()
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()

    # ---- inputs: time and transports ----------------------------------------------------------------

    def _set_alarm(self) -> None:
        due = self.machine.wake_at()
        alarm = self._alarm
        if due is None or self._shut:
            return
        wait = max(0.0, due - self.now())
        if alarm is None or not alarm.active():
            self._alarm = self._clock.callLater(wait, self._wake)
        elif alarm.getTime() > self._clock.seconds() + wait:
            alarm.reset(wait)

    def _wake(self) -> None:
        for link in self.factory.stirring():
            self.feed(self.machine.stirred(link, self.now()))
        for link in self.factory.moving():
            self.feed(self.machine.moved(link, self.now()))
        self._look_for_clogs()
        self.feed(self.machine.tick(self.now()))

    def _look_for_clogs(self) -> None:
        before, self._clogged = self._clogged, {link for link, clogged in self.factory.clogged() if clogged}
        for link in before | self._clogged:
            self.feed(self.machine.clogged(link, link in self._clogged, self.now()))

    def dialling(self, link: int) -> None:
        """Note that link ``link`` is being opened."""
        self.feed(self.machine.dialling(link, self.now()))

    def opened(self, connection: OpenConnection) -> None:
        """Note that a transport is open."""
        self.factory.begin(connection)
        self._fresh.add(connection.link)
        self.feed(self.machine.connected(connection.link, self.now()))

    def received(self, link: int, data: bytes) -> None:
        """Take in what link ``link`` brought."""
        if link in self._fresh:
            self._fresh.discard(link)
            found = stranger(data, self.machine.wishes.address)
            if found is not None:
                self.factory.close(link, politely=False)
                self._end(link, found)
                return
        self._look_for_clogs()  # before what came is answered
        self.feed(self.machine.received(link, data, self.now()))

    def writable(self, link: int, on: bool) -> None:
        """Note whether link ``link`` takes more bytes."""
        self.feed(self.machine.writable(link, on, self.now()))

    def read(self, on: bool) -> None:
        """Read what arrives, or leave it where it is."""
        self.feed(self.machine.reading(on, self.now()))
        self.factory.read(on)

    def ended(self, link: int, failure: Failure) -> None:
        """Note that link ``link`` ended, or could not be opened."""
        unheard = link in self._fresh
        self._fresh.discard(link)
        self._end(link, self._way.unheard(failure) if unheard else self._way.ending(failure))

    def _end(self, link: int, found: Ending) -> None:
        if found.final and not (found.renewable and self._reached):
            self.feed(self.machine.hopeless(link, found.code, found.text))
        else:
            stubborn = found.slow or found.final
            self.feed(self.machine.lost(link, found.text, found.answered, self.now(), stubborn=stubborn))


_PERFORM: Final[dict[type, Callable[[Driver, Any], None]]] = {
    Connect: Driver._connect,  # noqa: SLF001 - its own table
    Write: Driver._write,  # noqa: SLF001
    Close: Driver._close,  # noqa: SLF001
    Notify: Driver._notify,  # noqa: SLF001
    Reply: Driver._reply,  # noqa: SLF001
    Save: Driver._save,  # noqa: SLF001
    FindSibling: Driver._find_sibling,  # noqa: SLF001
    **dict.fromkeys((Fetch, Find, Keep, Settle, Finish, Over, Staged), Driver._errand),  # noqa: SLF001
}
