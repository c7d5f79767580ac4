"""Saving: what changed in the machine is written to the profile, soon and in one transaction."""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chatd.client.core.machine import Machine
from chatd.client.core.notices import AnotherServer, Notice, NotSaved
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Changes
from chatd.client.profile.slot import Slot

SAVE_DELAY: Final = 0.05
"""Seconds for which changes are collected that nothing waits for."""

AT_RISK: Final = "Chat goes on, but what is not sent when chatc ends is lost unless that is mended before."
"""What follows from a profile that cannot be written; said once until it can be again."""


class Saving:
    """Writes what changed in ``machine`` to ``slot``, if there is one, and calls ``saved`` behind that.

    What the program is to know of it goes to ``tell``.
    """

    def __init__(
        self,
        machine: Machine,
        slot: Slot | None,
        clock: IReactorTime,
        saved: Callable[[], None],
        tell: Callable[[Notice], None],
    ) -> None:
        self._machine = machine
        self.slot = slot
        self._clock = clock
        self._saved = saved
        self._tell = tell
        self._due: IDelayedCall | None = None
        self._unsaved: list[Changes] = []
        self._last: Changes | None = None
        self._unsavable = ""
        self._awaited: list[Deferred[None]] = []

    def written(self) -> Deferred[None]:
        """Return a Deferred that fires once all that has changed so far is on disk.

        It fails with `ClientError` ``not-saved`` if the client is stopped before that.
        """
        awaited: Deferred[None] = Deferred()
        self._awaited.append(awaited)
        self.soon(urgent=True)
        return awaited

    def soon(self, *, urgent: bool) -> None:
        """Write down what changed with what else changes soon, or in the next turn where that is urgent."""
        delay = 0.0 if urgent else SAVE_DELAY
        if self._due is None or not self._due.active():
            self._due = self._clock.callLater(delay, self.flush)
        elif self._due.getTime() > self._clock.seconds() + delay:
            self._due.reset(delay)

    def flush(self) -> None:
        """Write down what changed, in one transaction; then let go out what waited for it."""
        if self._due is not None and self._due.active():
            self._due.cancel()
        self._due = None
        changes = self._machine.changes()
        if self.slot is not None and (self._unsaved or self._worth_saving(changes)):
            self._unsaved.append(changes)
            self._write_down(self.slot)
        if not self._unsaved:
            awaited, self._awaited = self._awaited, []
            for one in awaited:
                if not one.called:
                    one.callback(None)
        self._saved()

    def _worth_saving(self, changes: Changes) -> bool:
        if changes.stored or changes.deleted or (changes.cursors and self._machine.wishes.remember):
            return True
        return self._last is None or changes.session != self._last.session

    def _write_down(self, slot: Slot) -> None:
        try:
            for unsaved in self._unsaved:
                slot.save(unsaved, cursors=self._machine.wishes.remember)
        except ClientError as error:
            if error.text != self._unsavable:
                self._unsavable = error.text
                self._tell(NotSaved(f"{error.text} {AT_RISK}"))
            return
        self._last = self._unsaved[-1]
        self._unsavable = ""
        self._unsaved.clear()
        if slot.moved():
            left = tuple(one for one in slot.leftovers.found() if one.here)
            self._tell(AnotherServer(self._machine.wishes.address, left))

    def shut(self) -> None:
        """Write down what is left, and let go of the slot and of the clock."""
        self.flush()
        awaited, self._awaited = self._awaited, []
        for one in awaited:
            if not one.called:
                one.errback(ClientError("not-saved", self._unsavable))
        if self._due is not None and self._due.active():
            self._due.cancel()
        if self.slot is not None:
            self.slot.close()
            self.slot = None
