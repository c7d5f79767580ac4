"""The gate: decides whether a connection takes a further frame; bounds what one peer can cost (P5, P6)."""

from enum import Enum
from math import ceil
from typing import Final, Protocol

from chatd.chat.quota import Bucket, Lease
from chatd.clock import Clock
from chatd.wire.limits import MAX_FRAME, MAX_UNANSWERED

OWED_BYTES: Final = 4 * MAX_FRAME
"""Bytes of requests without an answer, and of answers to them, that one connection may cost (P5)."""

PAUSE: Final = 0.05
"""Seconds for which a connection that has asked too much is not read, at least."""

FULL_PAUSE: Final = 0.25
"""Seconds for which a connection is not read if all together have asked more than the disk takes."""

_FREE: Final[Lease | Bucket] = Bucket(0, 0, 0)
"""The allowance before the welcome, when no more than a hello is taken."""


class Hold(Enum):
    """The reasons that shut the gate, beside what is owed and asked. The values are bits."""

    FULL = 1
    """The transport is full."""

    LOGIN = 2
    """A login is under way."""

    PAGE = 4
    """A page of history is being read, or a request waits for what it depends on."""

    PAUSE = 8
    """Too much was asked; the gate lifts this by itself."""

    DRAIN = 16
    """The daemon is stopping."""

    END = 32
    """The connection ends."""

    OWED = 64
    """Too much has no answer yet; the gate lifts this by itself."""

    COMMAND = 128
    """A command is being done whose answers come before those of the next one."""


class Gated(Protocol):
    """What a gate is for."""

    @property
    def clock(self) -> Clock:
        """Return the clock by which pauses end."""

    def go_on(self) -> None:
        """Take further frames: a pause is over."""

    def patience(self) -> float:
        """Return the seconds for which what is asked beyond the allowance is only delayed."""


class _Nobody:
    """What is left of the owner of a gate whose connection is gone."""

    clock: Clock

    def go_on(self) -> None:
        """Do nothing."""

    def patience(self) -> float:
        """Return no time: nothing is asked any more."""
        return 0.0


class Gate:
    """Counts what a connection owes and asks, and tells whether its ``owner`` may take a further frame.

    ``allowance`` bounds what may still be asked; it is the session's as soon as there is one. ``shut`` holds
    the bits of what shuts the gate: while it is 0 and some allowance is left, nobody need ask `may_take`.

    What is asked beyond the allowance is only delayed at first; if it goes on, the connection is ``flooded``,
    and what it asks is refused as long as `flood` says so. ``volume`` bounds the bytes that come in the same
    way, ``heavy`` says that these are too many; but nobody floods who brings a file, since that comes as fast
    as it is taken. ``pauses`` counts the pauses.
    """

    __slots__ = (
        "_owed",
        "_owed_bytes",
        "_owner",
        "allowance",
        "flooded",
        "heavy",
        "pauses",
        "shut",
        "volume",
    )

    def __init__(self, owner: Gated) -> None:
        self.allowance = self.volume = _FREE
        self.flooded = self.heavy = False
        self.pauses = 0
        self._owner = owner
        self.shut = 0
        self._owed: list[int] = []
        self._owed_bytes = 0

    def let_go(self) -> None:
        """Forget the owner, which is gone."""
        self._owner = _NOBODY

    def may_take(self) -> bool:
        """Return whether a further frame may be taken now. If too much was asked, a pause begins."""
        return (
            not self.shut
            and (self.allowance.left > 0 or self._repaid(self.allowance))
            and (self.volume.left > 0 or self._repaid(self.volume))
        )

    def _repaid(self, lease: Lease | Bucket) -> bool:
        now = self._owner.clock.seconds()
        wait = lease.wait(now)
        if wait:
            self.pause(max(wait, PAUSE))
        if isinstance(lease, Lease):
            since = lease.over_since
            over = since is not None and now - since >= self._owner.patience()
            self.heavy = over if lease is self.volume else self.heavy and not over
            self.flooded = over or self.heavy
        return not wait

    def bring(self) -> None:
        """Note that bytes of a file have come."""
        if isinstance(self.volume, Lease):
            self.volume.over_since = None
            self.heavy = False

    def flood(self) -> tuple[float, float]:
        """Return when to ask again, and for how many seconds more was asked than even that allows.

        The first is 0 if the peer was quiet for a moment meanwhile: then it is flooded no longer.
        """
        now, allowance = self._owner.clock.seconds(), self.volume if self.heavy else self.allowance
        wait = allowance.calms_in(now) if isinstance(allowance, Lease) else 0.0
        if not wait or not isinstance(allowance, Lease) or allowance.over_since is None:
            self.flooded = self.heavy = False
            return 0.0, 0.0
        return wait, now - allowance.over_since - self._owner.patience()

    def hold(self, why: Hold) -> None:
        """Shut the gate because of ``why``, until that is lifted."""
        self.shut |= why.value

    def lift(self, why: Hold) -> None:
        """Shut the gate no longer because of ``why``."""
        self.shut &= ~why.value

    def renew(self, allowance: Lease | Bucket, volume: Lease | Bucket) -> None:
        """Go on with another ``allowance`` and ``volume``; a pause that those before have brought is over."""
        self.allowance, self.volume = allowance, volume
        self.flooded = self.heavy = False
        self.lift(Hold.PAUSE)

    def pause(self, seconds: float) -> None:
        """Shut the gate for ``seconds``, unless a pause is under way already."""
        if not self.shut & Hold.PAUSE.value:
            self.pauses += 1
            self.hold(Hold.PAUSE)
            self._owner.clock.callLater(seconds, self._end_pause)

    def _end_pause(self) -> None:
        self.lift(Hold.PAUSE)
        if not self.shut & Hold.END.value:
            self._owner.go_on()

    def owe(self, size: int, cost: float) -> None:
        """Note a request that costs ``size`` bytes until it is answered, and ``cost`` of the allowance."""
        owed = self._owed
        owed.append(size)
        self._owed_bytes += size
        self.allowance.left -= cost
        if len(owed) > MAX_UNANSWERED or self._owed_bytes >= OWED_BYTES:
            self.shut |= Hold.OWED.value

    def owe_all(self, sizes: list[int]) -> int:
        """Note requests that cost ``sizes`` bytes, and 1 of the allowance each; return how many.

        The first is noted in any case, the others as long as that does not shut the gate.
        """
        owed, left = self._owed, self.allowance.left
        count = min(len(sizes), max(1, MAX_UNANSWERED + 1 - len(owed)))
        if left < count:
            count = max(1, ceil(left))
        taken = sizes[:count]
        size = self._owed_bytes + sum(taken)
        while count > 1 and size - taken[-1] >= OWED_BYTES:
            size -= taken.pop()
            count -= 1
        owed += taken
        self._owed_bytes = size
        self.allowance.left -= count
        if len(owed) > MAX_UNANSWERED or size >= OWED_BYTES:
            self.shut |= Hold.OWED.value
        return count

    def charge(self, cost: float) -> None:
        """Take ``cost`` more from the allowance."""
        self.allowance.left -= cost

    def settle(self, count: int) -> None:
        """Note that the oldest ``count`` requests were answered."""
        owed = self._owed
        self._owed_bytes -= sum(owed[:count])
        del owed[:count]
        if self.shut and len(owed) <= MAX_UNANSWERED and self._owed_bytes < OWED_BYTES:
            self.lift(Hold.OWED)


_NOBODY: Final = _Nobody()
