"""Requests: all that is asked of the server over the links that come and go, and what its answers mean.

Plain requests, sends and transfers share the numbers of requests, and the link.
`chatd.client.core.asking` tells how sends and requests wait for each other.
"""

from functools import partial

from chatd.client.core.asking import Asked, Asking
from chatd.client.core.backoff import Later
from chatd.client.core.link import Link
from chatd.client.core.outbox import Outbox
from chatd.client.core.output import Output
from chatd.client.core.rooms import Rooms
from chatd.client.core.sends import Sends
from chatd.client.core.session import Remembered, Session
from chatd.client.core.transfers import Transfers
from chatd.wire.errors import Code
from chatd.wire.messages import Error, Event, Join, Leave, Nick, Ok, Request, SetStatus, StatusInfo, Topic
from chatd.wire.native import encode


class Requests:
    """What waits to be asked or answered; answers change ``session`` and ``rooms``."""

    def __init__(
        self, remembered: Remembered, session: Session, rooms: Rooms, out: Output, later: Later
    ) -> None:
        self.asking = Asking()
        self.outbox = Outbox(remembered.outbox, remembered.last)
        self.sends = Sends(self.outbox, self.asking.number, out, later)
        self.transfers = Transfers(self.asking.number, out, later)
        self._session = session
        self._rooms = rooms
        self._out = out

    # ---- the link -----------------------------------------------------------------------------------

    def enter(self, message: Request) -> int:
        """Take in ``message`` behind everything that was entered before; return its id."""
        return self.asking.add(message, after=self.sends.newest)

    def ask(self, link: Link, now: float) -> None:
        """Write the plain requests that may be written to ``link`` now."""
        if not self.asking.unwritten:
            return
        behind = partial(self._rooms.behind_in, link.positions)
        asked = self.asking.writable(self.sends.oldest, behind)
        for one in asked:
            if isinstance(one.message, Topic) and not one.again:
                one.head = self._rooms.head(one.message.room)
        if asked:
            self._out.write(link, b"".join([encode(one.message) for one in asked]), now)

    def pump(self, link: Link, now: float) -> None:
        """Write the requests, the sends and the frames of transfers that may be written to ``link`` now.

        Each part is visited only while it has something that is to go out.
        """
        if self.sends.held_until is not None:
            self.sends.tick(now)
        self.ask(link, now)
        if link.writable and self.outbox.sendable:
            sends = self.sends.frames(link.window, self.asking.last_send())
            if sends:
                self._out.write(link, sends, now)
        if self.transfers.all or self.transfers.agreements.frames:
            self._pump_transfers(link, now)

    def _pump_transfers(self, link: Link, now: float) -> None:
        """Write what concerns files; their parts come last, and like sends only while the link takes them."""
        told, asked = self.transfers.told(), self.transfers.agreements.asked(now, held=self.asking.delayed)
        if told:
            self._out.say(link, told, now)
        if asked:
            self._out.write(link, asked, now)
        for data in self.transfers.chunks(now) if link.writable else ():
            self._out.say(link, data, now)

    def due(self) -> list[float]:
        """Return the times at which there may be something to write, if nothing happens before."""
        times = self.transfers.due() if self.transfers.all else []
        return times if self.sends.held_until is None else [*times, self.sends.held_until]

    def owed_on(self, link: Link) -> bool:
        """Return whether the server has not answered or brought yet what ``link`` asked it for."""
        asked = any(asked.written for asked in self.asking.asked.values())
        under_way = self.outbox.in_flight() > 0 or self.transfers.agreements.count > 0
        return asked or under_way or self._rooms.behind(link.positions)

    def unlinked(self) -> None:
        """Note that the link is gone; what cannot be asked again is answered with nothing."""
        self.transfers.agreements.unlinked()
        self.outbox.restart()
        for number in self.asking.restart():
            self._out.reply(number, None)

    # ---- answers ------------------------------------------------------------------------------------

    def accepted(self, ok: Ok, now: float) -> Asked | None:
        """Take in that a request was done; return it if it is a join that a new link began with."""
        if self.outbox.asked(ok.id):
            self.sends.accepted(ok)
        elif (asked := self.asking.answered(ok.id)) is None:
            self.transfers.agreements.answered(ok.id, ok, now)
        elif asked.wanted:
            return asked
        else:
            self._done(asked.message, now)
            self._out.reply(ok.id, ok)
        return None

    def refused(self, request: int, error: Error, now: float) -> Asked | None:
        """Take in that ``request`` was refused; return it if it is a join that a new link began with."""
        if self.outbox.asked(request):
            self.sends.refused(request, error, now)
        elif (asked := self.asking.answered(request)) is None:
            self.transfers.agreements.answered(request, error, now)
        elif asked.wanted:
            return asked
        elif asked.again and isinstance(asked.message, Leave) and error.code == Code.NOT_A_MEMBER:
            self._done(asked.message, now)
            self._out.reply(request, Ok(id=request))
        else:
            self._out.reply(request, error)
        return None

    def seen(self, event: Event) -> None:
        """Take in an event that is news: it may tell what became of a request whose answer was lost."""
        if event.kind != "topic" or event.by != self._session.nick:
            return
        number = self.asking.seen_topic(self._rooms.name(event.room), event.text, event.seq)
        if number is not None:
            self.asking.answered(number)
            self._out.reply(number, Ok(id=number, seq=event.seq, room=event.room))

    def _done(self, message: Request, now: float) -> None:
        if isinstance(message, Join):
            self._rooms.want(message.room)
        elif isinstance(message, Leave):
            self._rooms.unwant(message.room)
        elif isinstance(message, Nick):
            self._session.nick = message.nick
            self._out.save()
        elif isinstance(message, SetStatus):
            status = StatusInfo(state=message.state, text=message.text, seconds=message.seconds)
            self._session.stand(status, now)
