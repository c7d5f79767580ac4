"""One link: a connection from its dialling to its end, its bytes, its heartbeat, its round trip.

Several may exist at once; each has a number. Nothing here decides about the session.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from chatd.client.core.rooms import Positions
from chatd.client.core.strangers import HEAD, may_be_ours
from chatd.wire.check import check_of
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.frames import FrameDecoder, FrameType, frame, split_chunk
from chatd.wire.heartbeat import Heartbeat, RoundTrip, Verdict
from chatd.wire.limits import MAX_UNANSWERED
from chatd.wire.messages import Event, FromServer, Limits, Welcome
from chatd.wire.native import decode_from_server

ATTEMPT: Final = 10.0
"""Seconds an attempt may take from its first packet to the welcome."""

GREETING: Final = 3.0
"""Seconds of silence that the server has for its welcome at the least, however long connecting took."""

MUTE: Final = 3.5
"""Seconds without a byte before the welcome, after which a path that swallows large packets is suspected."""

MUTE_SOON: Final = 2.5
"""The same where there is a sign of that: only small packets come, what we send is repeated in vain, or
segments are smaller already.
"""

ROUND_TRIPS: Final = 3
"""Times that connecting took which a welcome may take, with a handshake of TLS before it."""

LOOK: Final = 1.0
"""Seconds between looks at what the system knows of a connection that is not welcomed yet."""

PATIENCE: Final = 1.0
"""Seconds that an answer may take at the least before its lateness is suspicious."""

PROBE_PATIENCE: Final = 0.3
"""Seconds that the answer to a probe may take at the least: there was reason to doubt the link."""

CLOG_AGAIN: Final = 1.5
"""Seconds, at the least, that what we send may be repeated in vain on a link whose forerunners brought
nothing forward; longer round trips are waited for.
"""

QUARTERS: Final = 4
"""Parts of the heartbeat's limit: a ping goes out after one, and its answer has one until the suspicion."""


class Chunk(NamedTuple):
    """A part of a file: bytes of ``transfer`` from ``offset`` on."""

    transfer: int
    offset: int
    data: memoryview


class Checked(NamedTuple):
    """An event with its check: see `chatd.wire.check`."""

    event: Event
    check: str


class Phase(Enum):
    """How far a link has come."""

    WAITING = "waiting"
    DIALLING = "dialling"
    GREETING = "greeting"
    LIVE = "live"


class Link:
    """One connection; times are monotonic seconds.

    ``positions`` are the last events that it brought, ``named`` the rooms of its hello, ``joining`` the ids
    of the joins that it begins with, ``owed`` the answers to pings that wait for the token to be on disk. It
    is ``complete`` when all rooms of its welcome came, ``introduced`` when we spoke behind that, and
    ``announced`` when the program knows; ``answered`` if any byte came, and ``understood`` if a message did:
    until then ``head`` are its first bytes. It is ``clogged`` while what we send is repeated and not
    acknowledged, ``holed`` when data came behind a hole, and ``doubtful`` where the links before it brought
    nothing forward. It is ``judged`` when it was counted as one that brings nothing forward either. Its
    segments have ``segment`` bytes at the most; 0: any. If it was made beside an attempt that stays mute, it
    shares the time of that one, which ``began`` earlier. It is ``outrun`` when one was made beside it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.phase = Phase.WAITING
        self.due = 0.0
        self.opened_at = 0.0
        self.live_since: float | None = None
        self._connecting = 0.0
        # what comes and what goes
        self.head = b""
        self.answered = False
        self.understood = False
        self.writable = True
        self._decoder = FrameDecoder()
        # how far the dialogue is
        self.positions: Positions = {}
        self.joining: set[int] = set()
        self.named: frozenset[str] = frozenset()
        self.owed: list[bytes] = []
        self.limits: Limits | None = None
        self.features: frozenset[str] = frozenset()
        self.complete = False
        self.introduced = False
        self.announced = False
        self.resumed = False
        # the signs of life
        self.round_trip = RoundTrip()
        self.quiet = False
        self.clogged = False
        self._heart = Heartbeat(ATTEMPT, 1, 0.0)
        self._read = 0.0
        self._flowed = 0.0
        self._unanswered: float | None = None
        self._probed: float | None = None
        self._pings: dict[bytes, float] = {}
        self._count = 0
        # what is suspected of the path
        self.segment = 0
        self.doubtful = False
        self.holed = False
        self.judged = False
        self.look_at = 0.0
        self.began: float | None = None
        self.outrun = False

    def wait(self, due: float) -> None:
        """Note that the transport is to be opened at ``due``."""
        self.phase, self.due = Phase.WAITING, due

    def dial(self, now: float) -> None:
        """Note that the transport is being opened."""
        self.phase, self.opened_at = Phase.DIALLING, now

    def greet(self, now: float) -> None:
        """Note that the transport is open and the hello on its way."""
        self.phase = Phase.GREETING
        self._connecting = now - self.opened_at
        began = self.opened_at if self.began is None else self.began
        self._heart = Heartbeat(max(GREETING, ATTEMPT - (now - began)), 1, now)
        self._read = now
        self.looked(now)

    def looked(self, now: float) -> None:
        """Note that the system was asked about the connection; it is again soon, and when this is mute."""
        mute = self.mute_at()
        self.look_at = min(now + LOOK, mute) if mute > now else now + LOOK

    def mute_at(self) -> float:
        """Return when no byte has come for so long, before the welcome, that large ones may be lost.

        No honest link is taken for that because its round trips are long.
        """
        sign = self.clogged or self.holed or self.segment > 0
        return self._read + max(MUTE_SOON if sign else MUTE, ROUND_TRIPS * self._connecting)

    def moved(self, now: float) -> None:
        """Note that bytes came which the transport keeps for itself, as TLS does before all else."""
        if self.phase is Phase.GREETING:
            self._read = now

    def welcomed(self, welcome: Welcome, now: float) -> None:
        """Note that the welcome came, with the heartbeat and the limits in force."""
        self.phase, self.live_since = Phase.LIVE, now
        pulse = welcome.heartbeat
        misses = max(pulse.misses, QUARTERS)
        self._heart = Heartbeat(pulse.interval * pulse.misses / misses, misses, now)
        self._read = now
        self.resumed, self.limits = welcome.resumed, welcome.limits
        self.features = frozenset(welcome.features)

    @property
    def window(self) -> int:
        """Return how many sends may be unanswered."""
        return 0 if self.limits is None else max(1, min(MAX_UNANSWERED, self.limits.unanswered))

    def messages(self, data: bytes, now: float) -> Iterator[FromServer | Checked | Chunk | bytes]:
        """Yield the messages and parts of files in ``data``, and as bytes the frames that answer pings.

        Raises `ProtocolError` where the bytes make no sense.
        """
        if self.phase is Phase.GREETING and not self.answered:
            self._heart = Heartbeat(ATTEMPT, 1, now)  # what we answer may take the session over
        self.heard(now)
        self.answered = True
        if not self.understood:
            self._listen(data)
        self._decoder.feed(data)
        while (taken := self._decoder.take()) is not None:
            kind, payload = taken
            if kind is FrameType.MESSAGE:
                message = decode_from_server(payload)
                self.understood = True
                if isinstance(message, Event):
                    yield Checked(message, check_of(payload))
                elif message is not None:
                    yield message
            elif kind is FrameType.CHUNK:
                yield Chunk(*split_chunk(payload))
            elif kind is FrameType.PING:
                yield frame(FrameType.PONG, payload)
            elif kind is FrameType.PONG:
                self._ponged(payload, now)

    def _listen(self, data: bytes) -> None:
        self.head = (self.head + data[:HEAD])[:HEAD]
        if not may_be_ours(self.head):
            raise ProtocolError(Code.BAD_FRAME, "What came first is no frame.")

    def heard(self, now: float) -> None:
        """Note that bytes came."""
        self._heart.heard(now)
        self._read = now
        self._probed = None
        if self._unanswered is not None:
            self._unanswered = now if self._pings else None

    def stirred(self, now: float) -> None:
        """Note that bytes came which cannot be read before what is missing: a life, but no service."""
        if self.phase is Phase.GREETING:
            self.holed = True
        else:
            self._heart.heard(now)

    def asked(self, now: float) -> None:
        """Note that something was written that the server answers at once."""
        self.said(now)
        if self._unanswered is None:
            self._unanswered = now

    def said(self, now: float) -> None:
        """Note that something was written that the server does not answer."""
        self._heart.said(now)
        self.flows(self.clogged, now)

    def flows(self, clogged: bool, now: float) -> None:
        """Note whether what we sent is ``clogged``."""
        self.clogged = clogged
        if not clogged:
            self._flowed = now

    def choked(self, now: float) -> bool:
        """Return whether nothing of what we sent was taken for too long."""
        return self.clogged and now >= self._choked_at()

    def _choked_at(self) -> float:
        patient = self._heart.limit / 2
        return self._flowed + (
            min(self.round_trip.patience(CLOG_AGAIN), patient) if self.doubtful else patient
        )

    def trouble(self, now: float) -> float:
        """Return for how many seconds nothing was heard, or nothing of what we sent was taken."""
        return max(self.silence(now), now - self._flowed if self.choked(now) else 0.0)

    def silence(self, now: float) -> float:
        """Return for how many seconds nothing was heard, be it by those beside which this one was made."""
        since = self._read if self.began is None or self.answered else self.began
        return max(0.0, now - since)

    def check(self, now: float) -> Verdict:
        """Return what the heartbeat asks for."""
        if self.phase not in (Phase.GREETING, Phase.LIVE):
            return Verdict.ALIVE
        verdict = self._heart.check(now)
        return verdict if self.phase is Phase.LIVE or verdict is Verdict.DEAD else Verdict.ALIVE

    def ping(self, now: float) -> bytes:
        """Return the frame of a new ping."""
        self._count += 1
        payload = b"%d" % self._count
        if len(self._pings) > 16:  # noqa: PLR2004 - more than the server can leave unanswered alive
            self._pings.pop(next(iter(self._pings)))
        self._pings[payload] = now
        self.asked(now)
        return frame(FrameType.PING, payload)

    def probe(self, now: float) -> bytes:
        """Return a ping whose lateness is suspicious without any silence before it."""
        if self._probed is None:
            self._probed = now
        return self.ping(now)

    def forgive(self, now: float) -> None:
        """Begin the silence anew: we were not listening."""
        self._heart.forgive(now)
        self._read = now
        self._flowed = now
        self._unanswered = self._probed = None

    def suspected_at(self) -> float | None:
        """Return when silence, or the lateness of an answer, becomes suspicious; None before the welcome.

        Whatever round trips were measured and whatever is awaited, that is no later than half of the
        heartbeat's limit after the last byte that could be read.
        """
        if self.phase is not Phase.LIVE:
            return None
        times = [self._read + self._heart.limit / 2]
        if self._unanswered is not None:
            late = self._unanswered + self.round_trip.patience(PATIENCE)
            times.append(max(late, self._read + self._heart.interval))
        if self.clogged:
            times.append(self._choked_at())
        if self._probed is not None:
            times.append(self._probed + self.round_trip.patience(PROBE_PATIENCE))
        return min(times)

    def due_at(self) -> float:
        """Return when `check` has something to say if nothing happens before."""
        return self._heart.due_at()

    def _ponged(self, payload: bytes, now: float) -> None:
        sent = self._pings.pop(payload, None)
        if sent is not None:
            self.round_trip.measured(now - sent)
        if not self._pings:
            self._unanswered = None
