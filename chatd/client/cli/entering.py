"""Entering: the last lines of a room where one begins to talk there, and the line above what is new."""

from collections.abc import Callable
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred

from chatd.client.cli.about import SAID, last_of, presently, show_page
from chatd.client.cli.conversation import Conversation
from chatd.client.cli.marks import ReadMarks
from chatd.client.cli.text import clean_line
from chatd.client.core.notices import EventSeen, GapSeen, LinkState, RoomOpened
from chatd.client.values import Page
from chatd.wire.limits import PAGE_ROWS
from chatd.wire.messages import Event
from chatd.wire.names import fold

MOST: Final = 500
"""Events that wait for the lines before them; if more come, they are shown without those."""

ABOUT: Final = frozenset({"message", "file", "react", "unreact", "pin", "unpin"})
"""The kinds of events that are shown with the beginning of what they are about."""


class Entering:
    """Shows the last ``count`` lines of each room in which the talk begins, once; what comes then waits.

    ``show`` takes what has waited. What is behind the read mark, and was said while nobody looked, stands
    below a line that says so.
    """

    def __init__(
        self,
        talk: Conversation,
        marks: ReadMarks,
        count: int,
        show: Callable[[EventSeen | GapSeen], None],
    ) -> None:
        self._talk = talk
        self._marks = marks
        self._count = count
        self._show = show
        self._heads: dict[str, int] = {}
        self._entered: set[str] = set()
        self._new: dict[str, tuple[int, int, int]] = {}
        self._held: dict[str, list[EventSeen | GapSeen]] = {}
        self._asked: dict[str, Deferred[None]] = {}
        self._looked_up: set[tuple[str, int]] = set()

    def opened(self, room: RoomOpened) -> None:
        """Note where the room ended when it was first opened."""
        self._heads.setdefault(room.room, room.head)

    def closed(self, room: str) -> None:
        """Forget the room: if it is entered again, it is anew."""
        if room in self._asked:
            self._asked[room].cancel()
        self._heads.pop(room, None)
        self._new.pop(room, None)
        self._entered.discard(room)

    def enter(self, room: str) -> None:
        """Show the last lines of ``room``, unless they were shown or cannot be had now."""
        client = self._talk.client
        known = next((known for known in client.followed() if known.room == room), None)
        if not self._count or not self._talk.console.interactive or known is None or room in self._entered:
            return
        if known.remembered or client.status().state is not LinkState.CONNECTED:
            return
        self._entered.add(room)
        head = max(self._heads.get(room, 0), self._marks.last_told(room))
        self._new[room] = self._marks.read(room), head, self._marks.unread(known).said
        self._held[room] = []
        limit = min(2 * self._count, PAGE_ROWS)  # some tell of others, and are shown with these
        page = client.history(room, before=self._marks.last_told(room) + 1, limit=limit, present=True)
        asked = page.addCallback(self._show_page, room).addErrback(lambda _: None)
        self._asked[room] = asked
        asked.addBoth(lambda _: self._release(room))

    def looks_up(self, notice: EventSeen) -> bool:
        """Hold ``notice`` until it is known what it is about, if that was not shown here; else return False.

        Nothing is looked up while more comes: who catches up does not wait for each event.
        """
        client, event = self._talk.client, notice.event
        about = event.room, event.ref
        if not event.ref or event.kind not in ABOUT or about in self._looked_up:
            return False
        if not self._talk.console.interactive or self._talk.knows(notice.name, event.ref):
            return False
        known = next((known for known in client.followed() if known.room == event.room), None)
        if known is None or known.cursor > event.seq or client.status().state is not LinkState.CONNECTED:
            return False
        self._looked_up = {*self._looked_up, about} if len(self._looked_up) < MOST else {about}
        self._held[event.room] = [notice]
        page = client.look(event.room, [event.ref])
        asked = page.addCallback(self._learn, notice.name).addErrback(lambda _: None)
        self._asked[event.room] = asked
        asked.addBoth(lambda _: self._release(event.room))
        return True

    def _learn(self, page: Page, name: str) -> None:
        for event in page.events:
            self._talk.learn(presently(page, event), name)

    def holds(self, room: str) -> bool:
        """Return whether what comes in ``room`` waits for the lines before it."""
        return room in self._held

    def hold(self, room: str, notice: EventSeen | GapSeen) -> None:
        """Let ``notice`` wait for the lines before it, but not many."""
        self._held[room].append(notice)
        if len(self._held[room]) > MOST:
            self._asked[room].cancel()

    def release(self) -> None:
        """Show what waits: the lines before it do not come."""
        for asked in list(self._asked.values()):
            asked.cancel()

    def before(self, event: Event, name: str) -> None:
        """Show the line above what is new, if ``event`` is the first of that."""
        read, head, count = self._new.get(event.room, (0, 0, 0))
        if event.seq > head:
            self._new.pop(event.room, None)
        elif event.seq > read and event.kind in SAID and fold(event.by) != fold(self._talk.client.nickname):
            del self._new[event.room]
            self._talk.answer(f"-- {f'{count} ' if count else ''}new in {clean_line(name)} since you left --")

    def _show_page(self, page: Page, room: str) -> None:
        name = self._talk.client.name(room)
        page = last_of(page, self._count)
        if any(event.kind in SAID for event in page.events):
            earlier = f"; earlier: /history {self._count} {page.events[0].seq}" if page.more else ""
            self._talk.answer(f"-- last lines of {clean_line(name)}{earlier} --")
            show_page(self._talk, page, name, partial(self.before, name=name))
            self._marks.displayed(room, page.events[-1].seq, attended=room == self._talk.current)

    def _release(self, room: str) -> None:
        self._asked.pop(room, None)
        for notice in self._held.pop(room, ()):
            self._show(notice)
