"""Hearing: what the client tells becomes what the user sees."""

import time
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd.client.cli import showing
from chatd.client.cli.about import SAID
from chatd.client.cli.away import status_line, told_line
from chatd.client.cli.bell import Calls, Ringer
from chatd.client.cli.console import Reactor
from chatd.client.cli.conversation import Conversation
from chatd.client.cli.entering import Entering
from chatd.client.cli.reacting import KINDS, Reactions
from chatd.client.cli.settings import Settings
from chatd.client.cli.text import (
    announcement_lines,
    clean_line,
    clock,
    failed_line,
    file_text,
    gap_line,
    invited_line,
    link_line,
    restored_line,
)
from chatd.client.cli.what_waits import another_server
from chatd.client.core import notices as n
from chatd.client.core.problems import ClientError
from chatd.client.core.rooms import Followed
from chatd.wire.errors import CloseReason
from chatd.wire.messages import Event
from chatd.wire.names import SERVER, fold

FEW: Final = 5
"""Events that have come meanwhile and are shown without a line that counts them."""

NAMED: Final = 5
"""Rooms that are named of those in which something was said meanwhile."""

SAME: Final = 5_000
"""Milliseconds within which the rooms that somebody is in tell of the same new nick."""


class Hearing:
    """Shows notices in a conversation."""

    def __init__(self, talk: Conversation, reactor: Reactor, settings: Settings) -> None:
        self._talk = talk
        self._marks = talk.marks
        self._entering = Entering(talk, self._marks, settings.recent, self._show)
        self._ringer = Ringer(reactor, settings.bell, self._ring)
        self._calls = Calls()
        talk.turned = self._turned
        self._reactions = Reactions(reactor, talk.reactions_came)
        self._linked = False
        self._missed: list[tuple[int, str]] = []
        self._renamed = ("", "", 0)
        self._greeted = False
        self._complaint = ""

    def heard(self, notice: n.Notice) -> None:
        """Show ``notice``."""
        line = link_line(notice)
        if line is not None and not (self._talk.parting and isinstance(notice, n.Lost)):
            self._show_link(notice, line)
        self._talk.unfinished.heard(notice)
        handler = _HANDLERS.get(type(notice))
        if handler is not None:
            handler(self, notice)
        if line is not None:
            self._talk.console.listen()
        self._talk.console.refresh()
        self._talk.check_end()

    def _ring(self) -> None:
        self._talk.console.ring()

    def finish(self) -> Deferred[Any]:
        """Show what is held, and mark as read what is not yet; the Deferred fires once that is done."""
        self._entering.release()
        self._reactions.flush()
        return self._marks.flush()

    # ---- the link -----------------------------------------------------------------------------------

    def _show_link(self, notice: n.Notice, line: str) -> None:
        """Show how the link is; that there is none only once for each reason."""
        self._talk.tried = True
        reason = notice.reason if isinstance(notice, n.CannotConnect) else ""
        if not reason or reason != self._complaint:
            self._talk.console.note(line)
        self._complaint = reason

    def _on_connected(self, notice: n.Connected) -> None:
        self._linked = True
        missed, self._missed = self._missed, []
        if sum(count for count, _ in missed) > FEW:
            told = [
                f"{showing.counted(count, 'event')} in {clean_line(name)}" for count, name in missed[:NAMED]
            ]
            rest = len(missed) - NAMED
            more = [f"more in {showing.counted(rest, 'other room')}"] if rest > 0 else []
            self._talk.say(f"meanwhile {', '.join(told + more)}")
        self._talk.welcomed = True
        if self._talk.current:
            self._talk.turn_to(self._talk.current)
        if not self._greeted:
            self._talk.settle_in()
            self._greet(clean_line(notice.nick), "/help lists all commands")
            self._greeted = True
            standing = self._talk.client.standing
            if standing is not None and self._talk.console.interactive:
                self._talk.say(status_line(standing))

    def _on_failed(self, notice: n.LoginsFailed) -> None:
        self._talk.say(failed_line(notice))

    def _on_cannot_connect(self, _: n.CannotConnect) -> None:
        """Say who and where we are, as far as that is known from before."""
        if not self._greeted and self._talk.client.followed():
            self._greet(clean_line(self._talk.client.nickname), "what you send waits for a connection")
            self._greeted = True

    def _greet(self, nick: str, hint: str) -> None:
        talk, followed = self._talk, self._talk.client.followed()
        if not talk.console.interactive:
            return
        if talk.current:
            name = clean_line(talk.client.name(talk.current))
            talk.say(f"You are {nick}, talking in {name}; {hint}.")
        elif followed:
            names = ", ".join(
                f"{clean_line(known.name)} ({self._place(i, known)})"
                for i, known in enumerate(followed[:9], 1)
            )
            talk.say(f"You are {nick}, in {names}. /join one to talk there, or press Alt and its digit.")
        else:
            talk.say(
                f"You are {nick}. Enter a room with /join #room (a new name makes a new room),"
                " see what rooms there are with /rooms, and all commands with /help."
            )

    def _place(self, number: int, known: Followed) -> str:
        """Return how to go to a room, and what is unread there."""
        return ", ".join(filter(None, (f"Alt-{number}", showing.unread_words(self._marks.unread(known)))))

    def _on_another_server(self, notice: n.AnotherServer) -> None:
        """Say so; the rooms of the other one are none here."""
        self._talk.turn_to("")
        self._talk.say(another_server(notice, "/waiting", ""))

    def _on_lost(self, _: n.Lost) -> None:
        self._linked = False
        self._talk.typists.forget()
        self._entering.release()

    def _on_stopped(self, notice: n.Stopped) -> None:
        if self._talk.parting and notice.code == CloseReason.ENDED and not self._talk.over.called:
            self._talk.say(notice.text)
            self._talk.over.callback(0)
        if notice.code != CloseReason.GOODBYE and not self._talk.over.called:
            self._talk.over.errback(ClientError(notice.code, notice.text))

    def _on_held(self, notice: n.Held) -> None:
        if self._complaint != notice.reason:
            self._complaint = notice.reason
            self._talk.say(
                f"The server takes no messages now: {clean_line(notice.reason)} They are sent again."
            )

    def _on_transfer(self, _: n.TransferSeen) -> None:
        self._talk.files.moved()

    def _on_not_saved(self, notice: n.NotSaved) -> None:
        self._talk.say(clean_line(notice.reason))

    # ---- rooms --------------------------------------------------------------------------------------

    def _on_opened(self, notice: n.RoomOpened) -> None:
        talk = self._talk
        self._marks.opened(notice.room, notice.read)
        self._marks.told(notice.room, notice.cursor)
        self._calls.begin(notice.room, self._mentions_in(notice.room))
        self._entering.opened(notice)
        if fold(talk.current) in {fold(notice.name), fold(notice.room)}:
            talk.turn_to(notice.room)
        missed = notice.head - notice.cursor
        entered = self._entering.holds(notice.room)
        if missed > 0 and not self._linked and talk.console.interactive and not entered:
            self._missed.append((missed, notice.name))

    def _on_closed(self, notice: n.RoomClosed) -> None:
        self._entering.closed(notice.room)
        self._talk.say(f"You are no longer in {clean_line(notice.name)}.")
        if self._talk.current == notice.room:
            self._talk.turn_to("")

    def _on_unread(self, notice: n.UnreadSeen) -> None:
        self._marks.opened(notice.room, notice.read)
        if self._calls.counted(notice.room, notice.mentions):
            self._ring_for(to_us=True)

    def _on_join_refused(self, notice: n.JoinRefused) -> None:
        self._talk.unusable(f"Not joined {clean_line(notice.room)}: {clean_line(notice.text)}")

    def _turned(self, room: str) -> None:
        """Note that we talk in ``room`` from now on."""
        self._entering.enter(room)
        if not self._entering.holds(room):
            self._marks.attend(room, self._marks.last_told(room))

    def _on_gap(self, notice: n.GapSeen) -> None:
        self._marks.told(notice.room, notice.last)
        if self._entering.holds(notice.room):
            self._entering.hold(notice.room, notice)
        else:
            self._show(notice)

    def _on_forgotten(self, notice: n.CursorForgotten) -> None:
        name = clean_line(notice.name)
        self._talk.say(
            f"The server's log of {name} ends before what was seen here: an older copy was restored."
        )

    def _on_restored(self, notice: n.Restored) -> None:
        self._marks.told(notice.room, notice.start)
        self._marks.restored(notice.room, notice.start if notice.agreed else 0)
        self._talk.say(restored_line(notice))

    # ---- events and people --------------------------------------------------------------------------

    def _on_event(self, notice: n.EventSeen) -> None:
        self._marks.told(notice.event.room, notice.event.seq)
        self._talk.typists.said(notice.event.room, notice.event.by)
        self._look_for_calls(notice.event)
        if self._entering.holds(notice.event.room):
            self._entering.hold(notice.event.room, notice)
        elif not self._entering.looks_up(notice):
            self._show(notice)

    def _show(self, notice: n.EventSeen | n.GapSeen) -> None:
        """Show what has come, maybe some time ago."""
        if isinstance(notice, n.GapSeen):
            self._talk.console.note(gap_line(notice))
            return
        event, talk = notice.event, self._talk
        self._entering.before(event, notice.name)
        if event.kind in KINDS and talk.console.interactive:
            self._reactions.came(event, notice.name)
        elif not (talk.console.interactive and self._is_told(event)):
            talk.event_came(event, notice.name)
        ours = fold(event.by) == fold(talk.client.nickname)
        if event.kind in SAID and not ours and event.seq > self._marks.read(event.room):
            for_us = talk.is_meant(event) or notice.name.startswith("@")
            self._ring_for(to_us=for_us)
            self._marks.said(event.room, event.seq, for_us=for_us)
        attended = notice.own or event.room == talk.current or not talk.console.interactive
        self._marks.displayed(event.room, event.seq, attended=attended)
        if event.kind == "nick":
            talk.nicks.renamed(event.by, event.text)
        elif not notice.own and event.by not in {SERVER, talk.client.nickname}:
            talk.nicks.spoke(event.by)

    def _look_for_calls(self, event: Event) -> None:
        """Ring for an edit that mentions us where nothing before it did, and remember what does."""
        meant = self._talk.is_meant(event)
        if event.kind in SAID:
            self._calls.said(event, meant=meant)
            return
        anew = event.kind == "edit" and self._calls.edited(event, meant=meant)
        if anew and event.seq > self._marks.read(event.room):
            self._ring_for(to_us=True)

    def _mentions_in(self, room: str) -> int:
        return next((one.mentions for one in self._talk.client.followed() if one.room == room), 0)

    def _ring_for(self, *, to_us: bool) -> None:
        """Ring, as is wished, unless we are busy."""
        standing = self._talk.client.standing
        if standing is None or standing.state != "busy":
            self._ringer.said(to_us=to_us)

    def _is_told(self, event: Event) -> bool:
        """Return whether ``event`` gives somebody a nick of which another room has just told."""
        if event.kind != "nick":
            return False
        before, self._renamed = self._renamed, (event.by, event.text, event.ts)
        return before[:2] == self._renamed[:2] and abs(event.ts - before[2]) < SAME

    def _on_presence(self, notice: n.PresenceSeen) -> None:
        for online, nicks in ((True, notice.online), (False, notice.offline)):
            for nick in nicks:
                if nick != self._talk.client.nickname and self._talk.nicks.known(nick, online=online):
                    what = "online" if online else "offline"
                    self._show_presence(notice, f"{clean_line(nick)} is {what}")
        for status in notice.statuses:
            if status.nick != self._talk.client.nickname:
                self._show_presence(notice, told_line(status))

    def _show_presence(self, notice: n.PresenceSeen, what: str) -> None:
        if notice.room == self._talk.current:
            now = clock(time.time_ns() // 1_000_000)
            self._talk.console.show(f"{now} {clean_line(notice.name)} * {what}")

    def _on_typing(self, notice: n.TypingSeen) -> None:
        self._talk.typists.type(notice.room, notice.nicks)

    def _on_invited(self, notice: n.InvitedSeen) -> None:
        self._talk.say(invited_line(notice))

    def _on_announcement(self, notice: n.AnnouncementSeen) -> None:
        self._talk.console.show(announcement_lines(notice))

    def _on_send_refused(self, notice: n.SendRefused) -> None:
        text = notice.text if notice.file is None else f"{file_text(notice.file)} {notice.text}"
        self._talk.refused(self._talk.client.name(notice.room), text, notice.reason)


_HANDLERS: Final[dict[type, Callable[[Hearing, Any], None]]] = {
    n.Connected: Hearing._on_connected,  # noqa: SLF001 - its own table
    n.LoginsFailed: Hearing._on_failed,  # noqa: SLF001
    n.AnotherServer: Hearing._on_another_server,  # noqa: SLF001
    n.CannotConnect: Hearing._on_cannot_connect,  # noqa: SLF001
    n.Lost: Hearing._on_lost,  # noqa: SLF001
    n.Stopped: Hearing._on_stopped,  # noqa: SLF001
    n.Held: Hearing._on_held,  # noqa: SLF001
    n.TransferSeen: Hearing._on_transfer,  # noqa: SLF001
    n.NotSaved: Hearing._on_not_saved,  # noqa: SLF001
    n.RoomOpened: Hearing._on_opened,  # noqa: SLF001
    n.UnreadSeen: Hearing._on_unread,  # noqa: SLF001
    n.RoomClosed: Hearing._on_closed,  # noqa: SLF001
    n.JoinRefused: Hearing._on_join_refused,  # noqa: SLF001
    n.EventSeen: Hearing._on_event,  # noqa: SLF001
    n.GapSeen: Hearing._on_gap,  # noqa: SLF001
    n.CursorForgotten: Hearing._on_forgotten,  # noqa: SLF001
    n.Restored: Hearing._on_restored,  # noqa: SLF001
    n.PresenceSeen: Hearing._on_presence,  # noqa: SLF001
    n.TypingSeen: Hearing._on_typing,  # noqa: SLF001
    n.InvitedSeen: Hearing._on_invited,  # noqa: SLF001
    n.AnnouncementSeen: Hearing._on_announcement,  # noqa: SLF001
    n.SendRefused: Hearing._on_send_refused,  # noqa: SLF001
}
