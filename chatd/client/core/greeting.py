"""The greeting: what is said on a link from our hello to the first words behind the welcome.

A link begins with our hello. The server answers with a welcome and the rooms that it follows, in one message
or several. Then we speak: a ping, the joins that are missing, and what waits to be asked. When the joins are
answered the program hears `Connected`.
"""

from typing import Final

from chatd.client.core.link import Link, Phase
from chatd.client.core.links import Links
from chatd.client.core.notices import Connected, JoinRefused, KnownElsewhere, LoginsFailed
from chatd.client.core.output import Output
from chatd.client.core.requests import Requests
from chatd.client.core.rooms import Rooms
from chatd.client.core.session import Elsewhere, Session, Wishes, introduce, trail_of
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.names import fold
from chatd.wire.native import encode

_LATER: Final = frozenset({Code.STORAGE_UNAVAILABLE, Code.TOO_FAST})
"""Refusals of a join that time mends: it is made again on the next link."""


class Greeting:
    """Begins each link, as ``session`` and with what ``wishes`` want.

    ``elsewhere`` is who we are at other addresses. ``unsaved`` says that a welcome began a session whose
    token is not on disk yet.
    """

    def __init__(
        self,
        session: Session,
        wishes: Wishes,
        elsewhere: tuple[Elsewhere, ...],
        rooms: Rooms,
        requests: Requests,
        links: Links,
        out: Output,
    ) -> None:
        self.unsaved = False
        self._session = session
        self._wishes = wishes
        self._elsewhere = elsewhere
        self._rooms = rooms
        self._requests = requests
        self._links = links
        self._out = out

    # ---- hello and welcome --------------------------------------------------------------------------

    def greet(self, link: Link, now: float) -> None:
        """Write the hello to a link that is open now."""
        link.greet(now)
        if not self._session.token:  # a claim that has arrived holds the nick as long as its connection
            self._links.yield_rivals(now)
        beside = self._links.contested
        hello = introduce(self._session, self._wishes, self._rooms.seen, beside=beside)
        link.named = frozenset(hello.cursors)
        self._out.write(link, encode(hello), now)

    def welcome(self, link: Link, welcome: m.Welcome, now: float) -> None:
        """Make the link, which is welcome, the current one."""
        if link.phase is not Phase.GREETING:
            raise ProtocolError(Code.BAD_MESSAGE, "It said welcome twice.")
        self._links.promote(link, now)
        link.welcomed(welcome, now)
        if self._session.begins(welcome):
            self._begin_session(welcome)
        else:
            self._requests.sends.resume(welcome.last)
        self._session.adopt(welcome)
        self._session.stand(welcome.status, now)
        if welcome.failed:
            self._out.notify(LoginsFailed(self._wishes.address, welcome.nick, welcome.failed))
        self._out.save()
        self._open_rooms(link, welcome.rooms, welcome.more, now)

    def _begin_session(self, welcome: m.Welcome) -> None:
        """Take over what a new session can take over of an older one's rooms and sends."""
        self.unsaved = True
        known = next((known for known in self._elsewhere if known.server == welcome.server), None)
        if known is not None and not self._session.server:
            address = self._wishes.address
            self._out.notify(KnownElsewhere(address, welcome.nick, known.address, known.nick, known.way))
        if self._session.server not in ("", welcome.server):
            self._rooms.forget_all()
            self._requests.sends.abandon()
        elif self._wishes.follow_all:
            self._rooms.want_known()
        self._requests.outbox.renumber(welcome.last)

    def more_rooms(self, link: Link, rooms: m.Rooms, now: float) -> None:
        """Take in what did not fit into the welcome."""
        self._open_rooms(link, rooms.rooms, rooms.more, now)

    def _open_rooms(self, link: Link, rooms: list[m.RoomState], more: bool, now: float) -> None:
        for room in rooms:
            self._out.tell(self._rooms.opened(link.positions, room, self._session.nick))
            if room.restored:
                self._requests.asking.unread(room.room, room.cursor)
        self._out.save()
        if not more:
            link.complete = True
            self._introduce(link, now)

    def _introduce(self, link: Link, now: float) -> None:
        """Say the first thing behind the welcome, once the token of a new session is on disk.

        A new session is kept only when the server has heard from it behind its welcome: until then nothing
        is lost with the token. The ping measures the round trip as well.
        """
        if self.unsaved or link.introduced or not link.complete:
            return
        link.introduced = True
        self._out.write(link, link.ping(now), now)
        for room in self._requests.asking.leaving():
            self._rooms.unwant(self._rooms.name(room))
        self._out.tell(self._rooms.compare(link.positions, link.named))
        for name in self._rooms.unjoined(link.positions):
            self._join(link, name, self._rooms.cursor(name))
        self._requests.ask(link, now)
        if link.limits is not None:
            self._requests.transfers.agreements.linked(link.limits)
        self.announce(link)

    # ---- the joins that it begins with --------------------------------------------------------------

    def _join(self, link: Link, name: str, after: int | None) -> None:
        room = self._rooms.room_of(name) or fold(name)
        seen = [] if after is None else trail_of(self._rooms.seen, room, self._wishes)
        join = m.Join(id=0, room=name, after=after, trail=seen)
        link.joining.add(self._requests.asking.add(join, wanted=name))

    def join_refused(self, link: Link, name: str, error: m.Error, now: float) -> None:
        """Join room ``name`` in another way, on another link, or no more: ``error`` says which."""
        if error.code == Code.CURSOR_BEYOND_HEAD:
            self._out.notify(self._rooms.forget(self._rooms.room_of(name) or fold(name), name))
            self._out.save()
            self._join(link, name, None)
            current = self._links.open
            if current is not None:
                self._requests.ask(current, now)
        elif error.code in _LATER:
            self._links.drop(link, error.text, now, slot=error.retry_after)
        else:
            self._rooms.unwant(name)
            self._out.notify(JoinRefused(name, error.code, error.text))
            if error.code == Code.REMOVED:
                self._let_go(link, name, error)
            self.announce(link)

    def _let_go(self, link: Link, name: str, error: m.Error) -> None:
        """Forget the room from which we were removed, or that was deleted, and give up what waits for it.

        Both are written down at once: a later run that finds a text for an unknown room joins, and says it.
        """
        self._out.tell([self._rooms.closed(link.positions, self._rooms.room_of(name) or fold(name))])
        self._requests.sends.give_up(name, error)
        self._out.save()

    def announce(self, link: Link) -> None:
        """Tell the program of the link, once all joins that it begins with are answered."""
        if not link.joining and not link.announced:
            link.announced = True
            self._out.notify(Connected(self._wishes.address, self._session.nick, link.resumed))

    # ---- the token on disk --------------------------------------------------------------------------

    def pong(self, link: Link, data: bytes, now: float) -> None:
        """Answer a ping; behind a new welcome only once the token is on disk, for that is what it says."""
        if self.unsaved:
            link.owed.append(data)
        else:
            self._out.say(link, data, now)

    def saved(self, now: float) -> None:
        """Say what waited for the token to be on disk; it is, or never will be."""
        for link in self._links.all():
            owed, link.owed = link.owed, []
            for data in owed:
                self._out.say(link, data, now)
        current = self._links.current
        if current is not None and not current.introduced:
            self._introduce(current, now)
