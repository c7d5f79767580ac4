"""What a program can ask of a server, and say: every request of the protocol, and texts."""

from collections.abc import Iterable

import msgspec
from twisted.internet.defer import Deferred, fail

from chatd.client.awaiting import Awaiting
from chatd.client.core import arguments
from chatd.client.core.outbox import EDIT, REACT, SAY, UNREACT
from chatd.client.core.problems import ClientError
from chatd.client.core.texts import check_text
from chatd.client.values import Hit, Hits, Page, Sent
from chatd.wire import messages as m
from chatd.wire.errors import RequestError


class Asker:
    """Asks and says; ``awaiting`` holds a Deferred for each until its answer comes."""

    def __init__(self, awaiting: Awaiting) -> None:
        self._awaiting = awaiting

    # ---- texts --------------------------------------------------------------------------------------

    def send(self, room: str, text: str) -> Deferred[Sent]:
        """Send ``text`` to ``#room`` or ``@nick``; the Deferred fires when it is durable on the server.

        It waits on disk meanwhile. Cancelling the Deferred takes the send back as far as that is possible.
        """
        return self._queue(room, text, SAY, 0)

    def post(self, room: str, text: str, act: str = SAY, ref: int = 0) -> tuple[int, Deferred[Sent]]:
        """Send, or do what ``act`` says about event ``ref``; return the key that notices name it by, too.

        Raises `RequestError` for a text that no server takes, `ClientError` for what is no text.
        """
        arguments.said(room, text, ref)
        check_text(text, caption=act == EDIT)
        return self._awaiting.post(room, text, act=act, ref=ref)

    def edit(self, room: str, seq: int, text: str) -> Deferred[Sent]:
        """Give event ``seq`` of ``room``, a message of ours or the caption of a file, another ``text``.

        It waits on disk, and takes its turn among the sends.
        """
        return self._queue(room, text, EDIT, seq)

    def reply(self, room: str, seq: int, text: str) -> Deferred[Sent]:
        """Send ``text`` as a reply to event ``seq`` of ``room``."""
        return self._queue(room, text, SAY, seq)

    def react(self, room: str, seq: int, emoji: str, *, off: bool = False) -> Deferred[Sent]:
        """React with ``emoji`` to event ``seq`` of ``room``, or take that back, in turn with the sends."""
        return self._queue(room, emoji, UNREACT if off else REACT, seq)

    def _queue(self, room: str, text: str, act: str, ref: int) -> Deferred[Sent]:
        try:
            return self.post(room, text, act, ref)[1]
        except (RequestError, ClientError) as error:
            return fail(error)

    def done(self, room: str, seq: int, *answers: tuple[str, str, int]) -> Deferred[None]:
        """Say that the events of ``room`` up to ``seq`` are done, with ``answers`` to be sent.

        It is for clients with ``commit="manual"``, whose cursors stay in the profile until then. An answer
        is a room, a text, and the number of the event that it replies to, 0 for none. Cursor and answers are
        kept in one transaction, after which the Deferred fires: all of them or none, whenever the process
        ends.
        """
        try:
            arguments.said(room, "", seq)
            for to, text, ref in answers:
                arguments.said(to, text, ref)
                check_text(text)
        except (RequestError, ClientError) as error:
            return fail(error)
        return self._awaiting.done(room, seq, answers)

    def withdraw(self, keys: Iterable[int]) -> None:
        """Take back the sends ``keys``; those on their way may still be accepted."""
        self._awaiting.withdraw(keys)

    def typing(self, room: str) -> None:
        """Let others know that somebody types in ``room`` now: call it while a person does, at each key.

        It is best effort: said once in three seconds, only on a link, and never before a send. Others forget
        it after six seconds, and when what was typed is there.
        """
        arguments.said(room, "")
        self._awaiting.type(room)

    # ---- requests -----------------------------------------------------------------------------------

    def ask(self, message: m.Request) -> Deferred[m.Ok]:
        """Ask any request of the protocol; its ``id`` is filled in."""
        return self._awaiting.ask(message)

    def join(self, room: str, after: int | None = None) -> Deferred[str]:
        """Join ``room`` and follow it, from behind event ``after``; fires with its wire name."""
        return self.ask(m.Join(id=0, room=room, after=after)).addCallback(lambda ok: ok.room)

    def topic(self, room: str, text: str) -> Deferred[m.Ok]:
        """Set the topic of ``room``."""
        return self.ask(m.Topic(id=0, room=room, text=text))

    def nick(self, nick: str) -> Deferred[m.Ok]:
        """Take another nick."""
        return self.ask(m.Nick(id=0, nick=nick))

    def away(self, text: str = "", seconds: int = 0) -> Deferred[m.Ok]:
        """Let others see that we are away, why, and for how many ``seconds`` if there is an end."""
        return self.ask(m.SetStatus(id=0, state="away", text=text, seconds=seconds))

    def busy(self, text: str = "", seconds: int = 0) -> Deferred[m.Ok]:
        """Let others see that we do not want to be disturbed, as `away` does."""
        return self.ask(m.SetStatus(id=0, state="busy", text=text, seconds=seconds))

    def back(self) -> Deferred[m.Ok]:
        """Be neither away nor busy any more."""
        return self.ask(m.SetStatus(id=0))

    def read(self, room: str, seq: int, thread: int = 0) -> Deferred[m.Ok]:
        """Mark the events of ``room`` up to ``seq`` as read, or those of one ``thread`` alone."""
        return self.ask(m.Read(id=0, room=room, seq=seq, thread=thread))

    def follow_thread(self, room: str, seq: int, *, off: bool = False) -> Deferred[m.Ok]:
        """Follow the thread in which event ``seq`` of ``room`` is, or which it would begin; or no more."""
        return self.ask(m.FollowThread(id=0, room=room, thread=seq, off=off))

    def threads(self, room: str) -> Deferred[list[m.ThreadInfo]]:
        """Return the threads of ``room`` that we follow, in the order in which they began."""
        return Deferred.fromCoroutine(self._all_threads(room))

    async def _all_threads(self, room: str) -> list[m.ThreadInfo]:
        found: list[m.ThreadInfo] = []
        while True:
            ok = await self.ask(m.Threads(id=0, room=room, after=found[-1].thread if found else 0))
            found += ok.threads or []
            if not (ok.more and ok.threads):
                return found

    def remove(self, room: str, seq: int, reason: str = "") -> Deferred[int]:
        """Erase what event ``seq`` of ``room`` says, for everybody; fires with the event that tells of it."""
        return self.ask(m.Remove(id=0, room=room, seq=seq, reason=reason)).addCallback(lambda ok: ok.seq or 0)

    def pin(self, room: str, seq: int, *, off: bool = False) -> Deferred[int]:
        """Pin event ``seq`` of ``room`` for everybody, or unpin it; fires with the event that says so."""
        return self.ask(m.Pin(id=0, room=room, seq=seq, off=off)).addCallback(lambda ok: ok.seq or 0)

    def history(
        self,
        room: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        *,
        present: bool = False,
        thread: int = 0,
    ) -> Deferred[Page]:
        """Return a page of ``room``: below ``before`` (the newest page without) or above ``after``.

        With ``present`` it also tells what has become of the events; with ``thread`` it is of that thread.
        """
        asked = self.ask(
            m.History(
                id=0, room=room, before=before, after=after, limit=limit, present=present, thread=thread
            )
        )
        return asked.addCallback(_page)

    def look(self, room: str, seqs: Iterable[int]) -> Deferred[Page]:
        """Return events of ``room``, 50 at the most, with what has become of them."""
        return self.ask(m.Look(id=0, room=room, seqs=[*seqs])).addCallback(_page)

    def pins(self, room: str) -> Deferred[Page]:
        """Return what is pinned in ``room``, with what has become of it."""
        return self.ask(m.Pins(id=0, room=room)).addCallback(_page)

    def search(self, query: str, room: str = "", before: str = "", limit: int = 50) -> Deferred[Hits]:
        """Look for what ``query`` means, in ``room`` or, without one, in all rooms of ours.

        The page that follows another one is asked for with the ``rest`` of that as ``before``.
        """
        asked = self.ask(m.Search(id=0, query=query, room=room, before=before, limit=limit))
        return asked.addCallback(_hits)

    def rooms(self) -> Deferred[list[m.RoomInfo]]:
        """Return all rooms."""
        return Deferred.fromCoroutine(self._all_rooms())

    async def _all_rooms(self) -> list[m.RoomInfo]:
        found: list[m.RoomInfo] = []
        while True:
            ok = await self.ask(m.ListRooms(id=0, after=found[-1].room if found else ""))
            found += ok.rooms or []
            if not (ok.more and ok.rooms):
                return found

    def members(self, room: str) -> Deferred[list[m.Member]]:
        """Return all members of ``room``."""
        return Deferred.fromCoroutine(self._all_members(room))

    async def _all_members(self, room: str) -> list[m.Member]:
        found: list[m.Member] = []
        while True:
            ok = await self.ask(m.Members(id=0, room=room, after=found[-1].nick if found else ""))
            found += ok.members or []
            if not (ok.more and ok.members):
                return found


def _hits(ok: m.Ok) -> Hits:
    return Hits([_hit(hit) for hit in ok.hits or ()], ok.rest if ok.more else "", ok.behind)


def _hit(hit: m.Hit) -> Hit:
    event = msgspec.json.decode(hit.event, type=m.Event)
    if hit.edit and hit.text:
        event = msgspec.structs.replace(event, text=hit.text)
    return Hit(event, f"@{hit.peer}" if hit.peer else event.room, hit.edit)


def _page(ok: m.Ok) -> Page:
    return Page(
        [msgspec.json.decode(event, type=m.Event) for event in ok.events or ()],
        ok.more,
        ok.at,
        {became.seq: became for became in ok.became or ()},
        {quote.seq: quote for quote in ok.quotes or ()},
    )
