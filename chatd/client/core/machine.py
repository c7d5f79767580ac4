"""The client's state machine: one session with one server, over as many links as it takes.

No I/O, no clock: time comes in as monotonic seconds, effects go out. Every input returns the effects to be
performed, in order. The machine hands its inputs down to its parts, none of which calls it: `Links` decides
which connections there are, `Watch` which of them are silent, `Dialogue` what is said on them, and `Requests`
what waits to be asked and answered. The inputs of transports, clock and disk are here; those of the program
are its `Orders`.
"""

from typing import Final

from msgspec.structs import replace

from chatd.client.core.backoff import Backoff
from chatd.client.core.dialogue import Dialogue
from chatd.client.core.effects import Close, Effect
from chatd.client.core.endings import Endings
from chatd.client.core.greeting import Greeting
from chatd.client.core.link import Phase
from chatd.client.core.links import Links
from chatd.client.core.notices import Stopped
from chatd.client.core.orders import Orders
from chatd.client.core.outbox import Outbox
from chatd.client.core.output import Output
from chatd.client.core.problems import HoleError, OutOfStepError
from chatd.client.core.pump import Pump
from chatd.client.core.requests import Requests
from chatd.client.core.rooms import Rooms
from chatd.client.core.seen import Seen
from chatd.client.core.segments import Segments
from chatd.client.core.session import LOGGED_OUT, Changes, Remembered, Wishes
from chatd.client.core.watch import Watch
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason, ProtocolError
from chatd.wire.native import encode

STALL: Final = 1.0
"""Seconds that a tick may come late before we, not the server, are held to have been away."""


class Machine:
    """The session, its rooms and its requests, and the links that come and go. The program has ``orders``."""

    def __init__(
        self, remembered: Remembered, wishes: Wishes, backoff: Backoff, segments: Segments | None = None
    ) -> None:
        self.session = remembered.session
        self.wishes = wishes
        known = remembered.names if wishes.follow_all else {}
        seen = Seen(remembered.cursors, remembered.trails, remembered.times, by_hand=wishes.by_hand)
        self.rooms = Rooms(seen, remembered.names, wishes.rooms, known)
        self.rooms.enter(remembered.entering)
        self.out = Output()
        self.requests = Requests(remembered, self.session, self.rooms, self.out, backoff.later)
        self.links = Links(wishes.address, self.requests, self.out, backoff, segments or Segments())
        self._watch = Watch(self.links, wishes.through, self.out)
        elsewhere = remembered.elsewhere
        self._greeting = Greeting(
            self.session, wishes, elsewhere, self.rooms, self.requests, self.links, self.out
        )
        self._endings = Endings(self.session, wishes, elsewhere, self.rooms, self.links, backoff, self.out)
        self._dialogue = Dialogue(
            self.session, self.rooms, self.requests, self.links, self._greeting, self._endings, self.out
        )
        self._pump = Pump(self.links, self.requests, self._greeting, self.out)
        self.orders = Orders(self.requests, self.rooms, self.links, self._pump, self.out)
        self._backoff = backoff
        self._due: float | None = None
        self._reading = True

    @property
    def outbox(self) -> Outbox:
        """Return the sends that are not known to be accepted."""
        return self.requests.outbox

    # ---- inputs: a link, from its beginning to its end ----------------------------------------------

    def start(self, now: float) -> list[Effect]:
        """Begin to connect."""
        self.links.dial(0.0, now)
        return self._pump.effects()

    def dialling(self, number: int, now: float) -> list[Effect]:
        """Note that the delay is over and the transport of link ``number`` is being opened."""
        link = self.links.get(number)
        if link is not None:
            link.dial(now)
        return self._pump.effects()

    def connected(self, number: int, now: float) -> list[Effect]:
        """Say hello: the transport of link ``number`` is open."""
        link = self.links.get(number)
        if link is None:
            self.out.add(Close(number))
        else:
            self._greeting.greet(link, now)
        return self._pump.effects()

    def received(self, number: int, data: bytes, now: float) -> list[Effect]:
        """Take in bytes from link ``number``."""
        link = self.links.get(number)
        if link is None:
            return self._pump.effects()
        try:
            for message in link.messages(data, now):
                if isinstance(message, bytes):
                    self._greeting.pong(link, message, now)
                else:
                    self._dialogue.take(link, message, now)
                if self.links.get(number) is not link:
                    return self._pump.effects()
            if link is self.links.current:
                self._watch.served(link, now)
                self._pump.run(now)
        except ProtocolError as error:
            self._endings.misunderstood(link, error, now)
        except HoleError as error:
            self.links.drop(link, f"the server left out events: {error}", now)
        except OutOfStepError:
            self.links.drop(link, "the server's answers do not fit what was sent", now)
        return self._pump.effects()

    def stirred(self, number: int, now: float) -> list[Effect]:
        """Note that data has arrived on link ``number`` which cannot be read before what is missing.

        So the link lives, but what is missing may take the system a quarter of a minute to ask for again: the
        suspicion stays, for a connection beside this one may serve at once.
        """
        link = self.links.get(number)
        if link is not None and link.phase in (Phase.GREETING, Phase.LIVE):
            link.stirred(now)
        return self._pump.effects()

    def moved(self, number: int, now: float) -> list[Effect]:
        """Note that bytes have come on link ``number`` which its transport keeps for itself."""
        link = self.links.get(number)
        if link is not None:
            link.moved(now)
        return self._pump.effects()

    def clogged(self, number: int, clogged: bool, now: float) -> list[Effect]:
        """Note whether the system repeats what was written to link ``number``, and nothing is acknowledged.

        For a while that is a bad link; for longer it may be a path that swallows large packets, on which the
        server's small ones still come. So it is a reason for a suspicion, and never for more.
        """
        link = self.links.get(number)
        if link is not None:
            link.flows(clogged, now)
        return self._pump.effects()

    def writable(self, number: int, on: bool, now: float) -> list[Effect]:
        """Note whether the transport of link ``number`` takes more bytes now."""
        link = self.links.get(number)
        if link is not None:
            link.writable = on
            self._pump.run(now)
        return self._pump.effects()

    def lost(
        self, number: int, reason: str, answered: bool, now: float, *, stubborn: bool = False
    ) -> list[Effect]:
        """Note that link ``number`` ended or never began; ``answered`` if somebody was there to end it.

        It is ``stubborn`` where another attempt will hardly do better soon.
        """
        link = self.links.get(number)
        if link is not None:
            slot = self._backoff.stubborn() if stubborn else None
            self.links.ended(link, reason, now, answered=answered, slot=slot)
        return self._pump.effects()

    def hopeless(self, number: int, code: str, text: str) -> list[Effect]:
        """Note that link ``number`` failed for a reason that no further attempt can mend."""
        if self.links.get(number) is not None:
            self.links.give_up(code, text)
        return self._pump.effects()

    def sibling(self, token: str, now: float) -> list[Effect]:
        """Answer `FindSibling`: with the token of another session of our user, or "" where there is none."""
        self._endings.sibling(token, now)
        return self._pump.effects()

    # ---- inputs: time -------------------------------------------------------------------------------

    def wake_at(self) -> float | None:
        """Return when `tick` is to be called, if nothing happens before."""
        times = self._watch.times()
        if self.links.open is not None:
            times += self.requests.due()
        self._due = min(times, default=None)
        return self._due

    def tick(self, now: float) -> list[Effect]:
        """Look at the clock."""
        if any(now >= due for due in self.requests.due()):
            self._pump.run(now)
        if not self._reading or (self._due is not None and now - self._due > STALL):
            self._watch.forgive(now)
        self._watch.check(now)
        return self._pump.effects()

    def reading(self, on: bool, now: float) -> list[Effect]:
        """Note that received bytes are, or are not, being read: unread bytes say nothing of the server."""
        self._reading = on
        self._watch.forgive(now)
        return self._pump.effects()

    def hurry(self, now: float) -> list[Effect]:
        """Try now: probe the live link, or dial without waiting; a hint, not a proof of anything."""
        self.links.hurry(now)
        return self._pump.effects()

    # ---- inputs: the end ----------------------------------------------------------------------------

    def stop(self, now: float) -> list[Effect]:
        """Say goodbye and be done; what waits stays remembered, or the session ends where nothing does."""
        if self.links.current is not None:
            self.out.write(self.links.current, encode(m.Goodbye(forget=not self.wishes.keep)), now)
        self.links.stop(Stopped(CloseReason.GOODBYE, "The client was stopped."), politely=True)
        return self._pump.effects()

    def log_out(self, sentence: str = LOGGED_OUT) -> list[Effect]:
        """Forget the session, which the server has ended because we asked for that, as ``sentence`` tells."""
        self.session.forget()
        self.out.save()
        self.links.give_up(CloseReason.ENDED, sentence)
        return self._pump.effects()

    # ---- inputs: the disk ---------------------------------------------------------------------------

    def changes(self) -> Changes:
        """Return what must be written down since the last call; say `saved` when it is."""
        self._greeting.unsaved = False
        outbox, seen = self.outbox.changes(), self.rooms.seen.changed()
        return Changes(
            session=replace(self.session),
            last=self.outbox.last,
            cursors={room: (seq, self.rooms.name(room)) for room, (seq, _) in seen.items()},
            stored=outbox.stored,
            deleted=outbox.deleted,
            posted=self.requests.sends.posted(),
            trails={room: trail.pack() for room, (_, trail) in seen.items()},
        )

    def saved(self, now: float) -> list[Effect]:
        """Note that the last `changes` are on disk, or never will be: what waited for that may go out."""
        self._greeting.saved(now)
        self._pump.run(now)
        return self._pump.effects()
