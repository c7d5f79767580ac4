"""Agreements: each transfer is agreed on with the server anew on every link, until it ends.

What was stored on the other side's disk, or on ours, is where it goes on.
"""

from collections.abc import Callable
from typing import Final

from chatd.client.core.backoff import Later
from chatd.client.core.effects import Over, Staged
from chatd.client.core.output import Output
from chatd.client.core.receiving import Receiving
from chatd.client.core.sending import Sending
from chatd.client.core.stages import Stage
from chatd.files.outgoing import Turns
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.native import encode

AGAIN: Final = 1.0
"""Seconds before a transfer is asked for again that the server could not take, unless it says otherwise."""

_LATER: Final = frozenset({Code.TOO_MANY_TRANSFERS, Code.STORAGE_UNAVAILABLE})
"""Refusals after which a transfer is asked for again."""

NO_FILES: Final = "This server takes no files."

CHANGED: Final = (
    "There is another file under that number now, because an older copy was restored on the server; look for"
    " it in the history."
)

Moving = Sending | Receiving


class Agreements:
    """Agrees with the server on ``transfers``, which are taken out of these when they have ended.

    ``number`` hands out the ids of requests, ``later`` makes the waits. ``frames`` are to be written. The
    uploads that are agreed on take ``turns``.
    """

    def __init__(
        self, transfers: dict[int, Moving], number: Callable[[], int], out: Output, later: Later
    ) -> None:
        self.frames: list[bytes] = []
        self.turns = Turns()
        self._transfers = transfers
        self._request_id = number
        self._out = out
        self._later = later
        self._numbers = 0
        self._limits: m.Limits | None = None

    # ---- the link -------------------------------------------------------------------------------------

    def linked(self, limits: m.Limits) -> None:
        """Note that there is a link whose server has these limits."""
        self._limits = limits
        self.turns = Turns()
        if not limits.file:
            for key in list(self._transfers):
                self.end(key, Code.UNSUPPORTED, NO_FILES)

    def unlinked(self) -> None:
        """Note that the link is gone, and with it what was agreed on and is under way.

        What was refused for a while is not asked for sooner on the next link.
        """
        self._limits = None
        self.frames.clear()
        self.turns = Turns()
        for moving in self._transfers.values():
            self._break_off(moving)
            self.stage(moving)

    @property
    def count(self) -> int:
        """Return how many transfers are asked for, or under way, on the present link."""
        return sum(bool(one.number) for one in self._transfers.values())

    def numbered(self, number: int) -> Moving | None:
        """Return the transfer that has this number on the present link."""
        return next((one for one in self._transfers.values() if one.number == number), None)

    # ---- asking ---------------------------------------------------------------------------------------

    def retries(self) -> list[float]:
        """Return the times at which there may be something to ask for again."""
        return [one.retry_at for one in self._transfers.values() if one.retry_at]

    def asked(self, now: float, *, held: bool = False) -> bytes:
        """Return what the server is to be asked now; nothing while ``held``."""
        for moving in self._transfers.values():
            moving.retry_at = moving.retry_at if moving.retry_at > now else 0.0
        if held:
            return b""
        return b"".join([self._ask(moving) for moving in self._transfers.values() if self._may_ask(moving)])

    def _may_ask(self, moving: Moving) -> bool:
        idle = not moving.number and not moving.retry_at and moving.ready()
        return self._limits is not None and idle and self.count < max(1, self._limits.transfers)

    def _ask(self, moving: Moving) -> bytes:
        self._numbers += 1
        request = moving.ask(self._request_id(), self._numbers)
        self.stage(moving)
        return encode(request)

    def answered(self, request: int, answer: m.Ok | m.Error, now: float) -> None:
        """Take in the answer to ``request``, if it is one of ours."""
        moving = next((one for one in self._transfers.values() if one.request == request), None)
        if moving is None or not request:
            return
        moving.request = 0
        moving.reason = ""
        if isinstance(answer, m.Error):
            self._refused(moving, answer.code, answer.text, answer.retry_after, now)
        else:
            self._accepted(moving, answer)

    def _accepted(self, moving: Moving, ok: m.Ok) -> None:
        window = self._limits.window if self._limits is not None else 0
        if isinstance(moving, Sending):
            self.turns.add(moving.accepted(ok, window))
        elif moving.differs(ok):
            self.fail(moving.key, "file-changed", CHANGED)
            return
        else:
            self._out.add(*moving.accepted(ok, window))
        self.see(moving)

    def _refused(self, moving: Moving, code: str, text: str, after: float | None, now: float) -> None:
        self._break_off(moving)
        if code in _LATER or after is not None:
            moving.reason = text
            moving.retry_at = now + self._later(AGAIN if after is None else after)
            self.stage(moving)
        else:
            self.end(moving.key, code, text)

    def ask_anew(self, moving: Receiving) -> None:
        """Give up what was agreed on: it begins elsewhere than where our disk ends."""
        self.frames.append(encode(m.Cancel(transfer=moving.number)))
        moving.forget_link()

    # ---- the stages, and the end ----------------------------------------------------------------------

    def see(self, moving: Moving) -> None:
        """Note how far a transfer has come."""
        if isinstance(moving, Sending) and moving.complete:
            self._break_off(moving)
            self.end(moving.key)
        else:
            self.stage(moving)

    def stage(self, moving: Moving) -> None:
        """Tell in which stage a transfer is, if that is another one, or has a reason."""
        stage = self._stage_of(moving)
        if stage is not moving.stage or moving.reason:
            moving.stage = stage
            self._out.add(Staged(moving.key))

    def _stage_of(self, moving: Moving) -> Stage:
        if moving.verifying:
            return Stage.VERIFYING
        if self._limits is None:
            return Stage.WAITING
        if not moving.number or moving.request:
            return Stage.OFFERING
        return Stage.SENDING if moving.sending else Stage.RECEIVING

    def _break_off(self, moving: Moving) -> None:
        if isinstance(moving, Receiving):
            self._out.add(*moving.broken_off())
        elif (outgoing := moving.broken_off()) is not None:
            self.turns.remove(outgoing)

    def cancelled(self, cancel: m.Cancel, now: float) -> None:
        """Take in that the server has ended a transfer."""
        moving = self.numbered(cancel.transfer)
        if moving is not None and not moving.verifying:
            self._refused(moving, cancel.code, cancel.text, None, now)

    def drop(self, key: int) -> None:
        """End a transfer for which nobody waits any more."""
        moving = self._transfers.pop(key, None)
        if moving is None:
            return
        if moving.number:
            self.frames.append(encode(m.Cancel(transfer=moving.number)))
        if isinstance(moving, Sending) and (outgoing := moving.broken_off()) is not None:
            self.turns.remove(outgoing)

    def fail(self, key: int, code: str, text: str) -> None:
        """End a transfer, if there is one, that cannot go on."""
        if key in self._transfers:
            self.drop(key)
            self._out.add(Over(key, code, text))

    def end(self, key: int, code: str = "", text: str = "") -> None:
        """Note that a transfer has ended: well without a ``code``."""
        self._transfers.pop(key, None)
        self._out.add(Over(key, code, text))
