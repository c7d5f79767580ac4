"""What the interactive client shows: its prompt, what waits, days, colours, and the answers to commands."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from math import ceil
from typing import Final

from chatd.client.cli.marks import COUNTED, ReadMarks, Unread
from chatd.client.cli.rows import Row
from chatd.client.cli.terminal.cells import columns as columns_of
from chatd.client.cli.terminal.cells import cut, fit
from chatd.client.cli.text import clean_line, described, file_text
from chatd.client.core.notices import LinkState
from chatd.client.core.rooms import Followed
from chatd.client.values import Status, Waiting
from chatd.wire.messages import Event, Member, RoomInfo

MAX_WAITING: Final = 4
"""Rows above the prompt for messages that are not sent yet; more are counted in words."""

PROMPT: Final = 40
"""Columns that a prompt takes at the most, where nothing else is known: half of a terminal."""

NAMED: Final = 8
"""Rooms that a prompt names at the most."""

SHORTEST: Final = 4
"""Columns that the name of a room has in a prompt at the least."""

OFFLINE: Final = frozenset({LinkState.IDLE, LinkState.WAITING, LinkState.DIALLING, LinkState.GREETING})


class Days:
    """Tells when the day changes between one event and the next, beginning with ``today``."""

    def __init__(self, today: date | None = None, zone: tzinfo | None = None) -> None:
        self._day = today or datetime.now().astimezone(zone).date()
        self._zone = zone

    def line(self, ts: int) -> str | None:
        """Return the line that says the day of ``ts`` (milliseconds since 1970), if it is another one."""
        try:
            day = datetime.fromtimestamp(ts / 1000, self._zone).date()
        except (ValueError, OverflowError, OSError):
            return None
        if day == self._day:
            return None
        self._day = day
        return f"-- {day:%A} {day.day} {day:%B} {day.year} --"

    def printed(self, ts: int, lines: str) -> bytes:
        """Return ``lines`` about an event of ``ts`` as they are printed, under their day if it is another."""
        day = self.line(ts)
        return (lines if day is None else f"{day}\n{lines}").encode() + b"\n"


def prompt(
    room: str, status: Status, others: Sequence[tuple[str, Unread]], columns: int, *, known: bool
) -> str:
    """Return the prompt for ``room``, with what is unread in ``others``, in ``columns`` if that is possible.

    ``known`` says that a first attempt has ended one way or the other.
    """
    name, left = clean_line(room), columns - len("> ")
    state = _state(status, known=known)
    if _wide(name) + 1 + _wide(state) > left:  # of how many wait, the number is enough
        state = state.replace(" waiting)", ")")
        name = fit(name, max(left - 1 - _wide(state), SHORTEST))
    words = [word for word in (name, state) if word]
    unread = _unread(others, left - sum(_wide(word) + 1 for word in words))
    return " ".join([*words, unread] if unread else words) + "> "


def _wide(text: str) -> int:
    return columns_of(cut(text))


def _unread(others: Sequence[tuple[str, Unread]], columns: int) -> str:
    """Return in how many messages of which rooms somebody has not looked, those for them first."""
    told = sorted(
        ((name, unread) for name, unread in others if unread.said), key=lambda one: not one[1].mentions
    )
    rooms = [f"{clean_line(name).removeprefix('#')} {unread_text(unread)}" for name, unread in told]
    for shown in range(min(len(rooms), NAMED), -1, -1):
        rest = [unread for _, unread in told[shown:]]
        more = [f"+{len(rest)}{'!' if any(one.mentions for one in rest) else ''}"] if rest else []
        text = f"[{', '.join(rooms[:shown] + more)}]" if told else ""
        if _wide(text) <= columns:
            return text
    return ""


def unread_text(unread: Unread) -> str:
    """Return how many messages are unread; a ! says that some are for the reader."""
    count = f"{unread.said}+" if unread.said >= COUNTED else f"{unread.said}"
    return count + ("!" if unread.mentions else "")


def unread_words(unread: Unread) -> str:
    """Return the same in words, "" if there is nothing unread."""
    if not unread.said:
        return ""
    text = f"{unread.said}{'+' if unread.said >= COUNTED else ''} unread"
    if unread.mentions:
        text += ", for you" if unread.mentions >= unread.said else f", {unread.mentions} for you"
    return f"{text}, {unread.threads} in your threads" if unread.threads else text


def _state(status: Status, *, known: bool) -> str:
    if status.state is LinkState.CONNECTED:
        return ""
    if status.state is LinkState.QUIET:
        words = ["silent"]
    elif status.state is LinkState.STOPPED:
        words = ["stopped"]
    else:
        words = ["offline" if known else "connecting"]
    if status.waiting:
        words.append(f"{status.waiting} waiting")
    return f"({', '.join(words)})"


def nowhere(names: Sequence[str], *, told: bool) -> str:
    """Return where somebody can talk who talks nowhere, being in the rooms of ``names``.

    ``told`` says that the server has told of them, or that there was nothing to tell.
    """
    if names:
        return f"say where. You are in {', '.join(map(clean_line, names))}; /join one"
    if not told:
        return "no room of yours is known without a connection. Name one with /join #room"
    return "you are in no room yet. Enter one with /join #room"


def own_room_lines(rooms: Iterable[Followed], current: str, marks: ReadMarks) -> list[str]:
    """Return what /rooms says of ours where the server cannot be asked: their numbers and names.

    By the ``marks`` it is known what is unread in them.
    """
    return [
        f"{'*' if known.room == current else ' '}{number:>3} {clean_line(known.name)}"
        f"  {unread_words(marks.unread(known))}".rstrip()
        for number, known in enumerate(rooms, 1)
    ]


def waiting_rows(waiting: Sequence[Waiting], names: Sequence[str]) -> tuple[str, ...]:
    """Return a row for each of the newest sends that wait, to the rooms of ``names``, oldest first."""
    rows = [
        f"{'sending' if send.in_flight else 'queued'}  {clean_line(name)} {_what(send)}"
        for send, name in zip(waiting[-MAX_WAITING:], names[-MAX_WAITING:], strict=True)
    ]
    hidden = len(waiting) - len(rows)
    return (f"… and {counted(hidden, 'message')} before", *rows) if hidden else tuple(rows)


def file_rows(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return a line for each of the first files that are on their way."""
    hidden = len(rows) - MAX_WAITING
    lines = tuple(row.line for row in rows[:MAX_WAITING])
    return (*lines, f"… and {counted(hidden, 'file')} more") if hidden > 0 else lines


def _what(send: Waiting) -> str:
    text = clean_line(send.text)
    if send.act:
        return f"({send.act} {send.ref}) {text}"
    return text if send.file is None else f"{file_text(send.file)} {text}".rstrip()


def counted(number: int, noun: str) -> str:
    """Return ``number`` and ``noun``, the latter in the plural where that is right."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def asked_later(command: str, before: int) -> str:
    """Return the sentence about a command that waits for a connection, and for ``before`` messages."""
    sent = f" and {_sent_before(before)}" if before else ""
    return f"/{command} is asked as soon as there is a connection{sent}."


def held(command: str, before: int) -> str:
    """Return the sentence about a command that has waited for ``before`` messages for a while."""
    return f"/{command} waits until {_sent_before(before)}."


def _sent_before(count: int) -> str:
    return "the message before it is sent" if count == 1 else f"the {count} messages before it are sent"


def not_done(commands: Sequence[str]) -> str:
    """Return the sentence about commands that were entered and are not done."""
    names = clean_line(", ".join(f"/{command}" for command in commands))
    one = len(commands) == 1
    return f"{names} {'was' if one else 'were'} not done; enter {'it' if one else 'them'} again next time."


def stay_queued(number: int) -> str:
    """Return the sentence for the sends that were not durable when chatc ended."""
    verb, pronoun = ("stays", "it goes") if number == 1 else ("stay", "they go")
    return f"{counted(number, 'message')} {verb} queued; {pronoun} out when chatc runs again."


def stay_unsent(number: int) -> str:
    """Return the sentence for the files that were not sent when chatc ended."""
    verb, pronoun = ("is", "it goes") if number == 1 else ("are", "they go")
    return f"{counted(number, 'file')} {verb} not sent yet; {pronoun} on when chatc runs again."


def status_lines(status: Status) -> list[str]:
    """Return what /status says."""
    lines = [f"{status.nick or 'nobody yet'} at {status.address}: {_STATES[status.state]}"]
    if status.state in {LinkState.CONNECTED, LinkState.QUIET}:
        trip = "not measured yet" if status.round_trip is None else f"{1000 * status.round_trip:.3g} ms"
        lines.append(f"round trip {trip}, last heard from {status.silence:.1f} s ago")
    if status.retry_in is not None:
        lines.append(f"next try {f'in {ceil(status.retry_in)} s' if status.retry_in > 0 else 'now'}")
    if status.state in OFFLINE and status.reason:
        lines.append(f"the reason: {clean_line(status.reason)}")
    lines.append(
        f"{counted(status.waiting, 'message')} waiting to be sent" if status.waiting else "nothing waits"
    )
    return lines


_STATES: Final = {
    LinkState.IDLE: "not connected",
    LinkState.WAITING: "offline, waiting for the next try",
    LinkState.DIALLING: "connecting",
    LinkState.GREETING: "connected, waiting for the server's welcome",
    LinkState.CONNECTED: "connected",
    LinkState.QUIET: "silent, trying another connection beside it",
    LinkState.STOPPED: "stopped",
}


def room_lines(
    rooms: Iterable[RoomInfo], followed: Sequence[Followed], current: str, marks: ReadMarks
) -> list[str]:
    """Return what /rooms says: each room of the server, ours with their numbers and what is unread there."""
    numbers = {known.room: f"{number}" for number, known in enumerate(followed, 1)}
    unread = {known.room: unread_words(marks.unread(known)) for known in followed}
    lines = []
    for room in rooms:
        mark = "*" if room.room == current else " "
        topic = f"  {clean_line(room.topic)}" if room.topic else ""
        kind = "" if room.kind == "public" else f", {clean_line(room.kind)}"
        members = counted(room.members, "member") + kind
        if unread.get(room.room):
            members += f", {unread[room.room]}"
        lines.append(f"{mark}{numbers.get(room.room, ''):>3} {clean_line(room.room)}  {members}{topic}")
    return lines


def member_line(name: str, members: Sequence[Member]) -> str:
    """Return what /who says."""
    here = [_person(member, member.address) for member in members if member.online]
    gone = [_person(member) for member in members if not member.online]
    parts = [
        f"{'online' if nicks is here else 'offline'}: {', '.join(nicks)}" for nicks in (here, gone) if nicks
    ]
    return clean_line(f"{name} has {counted(len(members), 'member')}. {'; '.join(parts)}")


def _person(member: Member, address: str = "") -> str:
    """Return a nick with the role, if it is more than a member's, and the address."""
    role = "" if member.role == "member" else member.role
    status = "" if member.status is None else described(member.status)
    more = ", ".join(filter(None, (role, "operator" if member.operator else "", address, status)))
    return f"{member.nick} ({more})" if more else member.nick


def page_title(name: str, events: Sequence[Event]) -> str:
    """Return the line above a page of history."""
    return f"-- {clean_line(name)}, events {events[0].seq} to {events[-1].seq} --"
