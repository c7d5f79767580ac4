"""What people read: events and changes of the link as lines of text that no terminal obeys."""

import re
import shlex
import time
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from typing import Final

from msgspec.structs import replace

from chatd.client.cli.sizes import size_text
from chatd.client.core.notices import (
    AnnouncementSeen,
    CannotConnect,
    Connected,
    GapSeen,
    InvitedSeen,
    KnownElsewhere,
    LoginsFailed,
    Lost,
    Narrowed,
    Notice,
    Quiet,
    Restored,
    Revived,
)
from chatd.wire.messages import CertificateInfo, Event, File, Reaction, SessionInfo, StatusInfo
from chatd.wire.names import SERVER

INDENT: Final = "      "
"""What further lines of a text begin with: the width of the time before the first one."""

_UNTOLD: Final = "application/octet-stream"
"""The media type that says nothing."""

_AGES: Final = ((86_400, "d"), (3600, "h"), (60, "min"))
"""Seconds in each unit above them, and its name."""

_SECONDS: Final = re.compile("[1-9][0-9]{0,15}")
"""A number of seconds as it is in an event."""

# Joiners and direction marks stay, which scripts need, and the tags that some flags are made of.
_DANGEROUS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # what a terminal obeys
    "\u2028-\u202e\u2066-\u2069"  # what ends a line, or turns the direction of all that follows
    "\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0001]"  # what nobody sees
)


def clean(text: str) -> str:
    """Return ``text`` with what a terminal obeys, hides or turns shown instead (but tab and line feed)."""
    return _DANGEROUS.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"  # noqa: PLR2004 - the control pictures of C0


def clean_line(text: str) -> str:
    """Return ``text`` cleaned and on one line."""
    return clean(text).replace("\n", "␊")


def clock(ts: int, zone: tzinfo | None = None) -> str:
    """Return the time of day of ``ts`` (milliseconds since 1970) in ``zone``, the local one by default."""
    try:
        return datetime.fromtimestamp(ts / 1000, zone).astimezone(zone).strftime("%H:%M")
    except (ValueError, OverflowError, OSError):
        return "--:--"


def _message(event: Event) -> str:
    return f"<{clean_line(event.by)}> " + clean(event.text).replace("\n", "\n" + INDENT)


def _replied(event: Event, about: str) -> str:
    said = clean(event.text).replace("\n", "\n" + INDENT)
    return f"<{clean_line(event.by)}> (to {about}) {said}"


def _edited(event: Event, was: str, columns: int) -> str:
    said = clean(event.text).replace("\n", "\n" + INDENT)
    what = f"was: {was}" if was else "edited" if columns else f"event {event.ref} edited"
    return f"<{clean_line(event.by)}> * {said} ({what})"


def _reacted(event: Event, about: str) -> str:
    return f"* {clean_line(event.by)} reacts with {clean_line(event.value)} to {about}"


def _unreacted(event: Event, about: str) -> str:
    return f"* {clean_line(event.by)} takes {clean_line(event.value)} back from {about}"


def _pinned(event: Event, about: str) -> str:
    return f"* {_by(event)} pinned {about}"


def _unpinned(event: Event, about: str) -> str:
    return f"* {_by(event)} unpinned {about}"


def reactions_text(reactions: Iterable[Reaction]) -> str:
    """Return how many have reacted with what; a star stands behind what one has oneself."""
    return "  ".join(f"{clean_line(one.emoji)} {one.count}{'*' if one.mine else ''}" for one in reactions)


def file_text(file: File) -> str:
    """Return what a file is: its name, its size, and its media type where it says something."""
    media = "" if file.media == _UNTOLD else f", {clean_line(file.media)}"
    return f"{clean_line(file.name)} ({size_text(file.size)}{media})"


def _posted(event: Event, file: File, get: str) -> str:
    caption = clean(event.text).replace("\n", "\n" + INDENT)
    told = f"<{clean_line(event.by)}> posts {file_text(file)}: {clean_line(get)} {event.seq}"
    return f"{told}\n{INDENT}{caption}" if caption else told


def _announced(event: Event) -> str:
    return _by_server(event.text)


def _by_server(text: str) -> str:
    return "*** the server says: " + clean(text).replace("\n", "\n" + INDENT)


def _joined(event: Event) -> str:
    return f"* {_by(event)} joined"


def _left(event: Event) -> str:
    return f"* {clean_line(event.by)} left"


def _topic(event: Event) -> str:
    by, topic = clean_line(event.by), clean_line(event.text)
    return f"* {by} set the topic: {topic}" if topic else f"* {by} cleared the topic"


def _nick(event: Event) -> str:
    return f"* {clean_line(event.by)} is now {clean_line(event.text)}"


def _acted(event: Event) -> str:
    """Return who has done what to whom, for how long and why, and whether as an operator of the server."""
    whom, value = clean_line(event.whom), clean_line(event.value)
    verb = _ACTS[event.kind].format(whom=whom, value=value, what=_what_was_removed(event)).rstrip()
    term = ""
    if event.kind in {"ban", "mute"} and event.value:
        term = f" for {_term(event.value)}"
    why = f": {clean_line(event.reason)}" if event.reason else ""
    return f"* {_by(event)} {verb}{term}{why}"


def _term(seconds: str) -> str:
    """Return a number of ``seconds`` in the largest unit that says it whole; what is none, as it is."""
    if not _SECONDS.fullmatch(seconds):
        return f"{clean_line(seconds)} s"
    number = int(seconds)
    return next((f"{number // unit} {name}" for unit, name in _AGES if number % unit == 0), f"{number} s")


def _by(event: Event) -> str:
    """Return who has caused ``event``, and whether as an operator of the server."""
    if event.by == SERVER:
        return "the server"
    return clean_line(event.by) + (" (operator)" if event.operator else "")


def _removed(event: Event) -> str:
    """Return what is shown in the place of what was removed."""
    why = f": {clean_line(event.reason)}" if event.reason else ""
    return f"<{clean_line(event.by)}> (removed by {clean_line(event.value)}{why})"


def _what_was_removed(event: Event) -> str:
    if not event.refs:
        return f"event {event.ref}"
    return f"event {event.refs[0]}" if len(event.refs) == 1 else f"{len(event.refs)} events"


_ACTS: Final = {
    "invite-to": "invited {whom}",
    "decline": "declined the invitation",
    "kick": "removed {whom}",
    "ban": "banned {whom}",
    "unban": "took the ban of {whom} back",
    "mute": "muted {whom}",
    "unmute": "lets {whom} speak again",
    "role": "gave {whom} the role of {value}",
    "set": "set {value}",
    "mode": "set the mode {value} {whom}",
    "delete-room": "deleted this room",
    "remove": "removed {what}",
}

_FORMS: Final[dict[str, Callable[[Event], str]]] = {
    "message": _message,
    "join": _joined,
    "leave": _left,
    "topic": _topic,
    "nick": _nick,
    "announce": _announced,
    "removed": _removed,
    **dict.fromkeys(_ACTS, _acted),
}


def number_of(event: Event) -> int:
    """Return the number of what ``event`` says or edits, by which it is replied to; 0 if it says nothing."""
    if event.kind in {"message", "file"}:
        return event.seq
    return event.ref if event.kind == "edit" else 0


_REFERRING: Final[dict[str, Callable[[Event, str], str]]] = {
    "message": _replied,
    "react": _reacted,
    "unreact": _unreacted,
    "pin": _pinned,
    "unpin": _unpinned,
}


def shell_get(name: str) -> str:
    """Return the command of the shell that gets a file of the room called ``name``, without its number."""
    return f"chatc get {shlex.quote(name)}"


def event_lines(
    event: Event,
    name: str,
    *,
    zone: tzinfo | None = None,
    get: str = "/get",
    about: str = "",
    edited: bool = False,
    columns: int = 0,
) -> str | None:
    """Return what people see of ``event`` in the room called ``name``; None for a kind not known here.

    ``get`` and the event's number is how to get a file. ``about`` is what stands for the event that this one
    refers to, of an edit what was said before; without it, its number does. What was ``edited`` is marked so,
    and with ``columns`` for it a number is told: that of what an edit edits, else the event's own.
    """
    form = _FORMS.get(event.kind)
    referring = _REFERRING.get(event.kind) if event.ref else None
    if edited or event.edited:
        event = replace(event, text=f"{event.text} (edited)".lstrip())
    if event.kind == "edit":
        said = _edited(event, about, columns)
    elif referring is not None:
        said = referring(event, about or f"event {event.ref}")
    elif form is not None:
        said = form(event)
    elif event.kind == "file" and event.file is not None:
        said = _posted(event, event.file, get)
    else:
        return None
    number = f"{number_of(event) or event.seq:>{columns}} " if columns else ""
    return f"{clock(event.ts, zone)} {clean_line(name)} {number}{said}"


def session_lines(rows: list[SessionInfo]) -> list[str]:
    """Return what is told of our sessions, a line for each; names of devices stand where one has a name."""
    from chatd.client.cli.terminal.cells import columns, cut  # noqa: PLC0415 - few commands need it

    names = [clean_line(row.label) for row in rows]
    wide = max((columns(cut(name)) for name in names), default=0)
    lines = []
    for row, name in zip(rows, names, strict=True):
        seen = "this one" if row.here else "online" if row.online else f"{ago(row.ago)} ago"
        padded = f"{name}{' ' * (wide - columns(cut(name)))} " if wide else ""
        where = f"{clean_line(row.address):<24} {clean_line(row.software)}"
        lines.append(f"{row.session:>6}  {seen:<12} {padded}{where}".rstrip())
    return lines


def ago(seconds: int) -> str:
    """Return ``seconds`` in the largest unit of which they have one, rounded down."""
    for unit, name in _AGES:
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def span(seconds: int) -> str:
    """Return ``seconds`` in their two largest units, rounded up to minutes where there are more than two."""
    if seconds <= 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    hours, minutes = divmod(-(-seconds // 60), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return " ".join(parts[:2])


def described(status: StatusInfo) -> str:
    """Return what a status says: the state, what is said with it, and how long it holds still."""
    text = f": {clean_line(status.text)}" if status.text else ""
    left = f" ({span(status.seconds)} left)" if status.seconds else ""
    return f"{clean_line(status.state)}{text}{left}"


def certificate_line(row: CertificateInfo) -> str:
    """Return what is told of one certificate of ours."""
    day = time.strftime("%Y-%m-%d", time.localtime(row.added / 1000))
    here = "  this one" if row.here else ""
    return f"{row.fingerprint}  {day}  {clean_line(row.name)}".rstrip() + here


def failed_line(failed: LoginsFailed) -> str:
    """Return what is told of wrong passwords for an account, which may have been somebody else's guesses."""
    times = "once" if failed.count == 1 else f"{failed.count} times"
    nick = clean_line(failed.nick)
    return f"Since the last login a wrong password was given {times} for the account {nick}."


def announcement_lines(said: AnnouncementSeen, *, zone: tzinfo | None = None) -> str:
    """Return what people see when the server itself speaks to everybody."""
    return f"{clock(said.ts, zone)} {_by_server(said.text)}"


def invited_line(invited: InvitedSeen) -> str:
    """Return the sentence about an invitation to a room."""
    room, by = clean_line(invited.room), clean_line(invited.by)
    said = f" ({clean_line(invited.text)})" if invited.text else ""
    return f"{by} invites you to {room}{said}; enter it with /join {room}, or say no with /decline {room}"


def gap_line(gap: GapSeen) -> str:
    """Return the sentence about events that cannot be had any more."""
    which = f"event {gap.first}" if gap.first == gap.last else f"events {gap.first} to {gap.last}"
    return f"chatc: gap in {clean_line(gap.name)}: {which} cannot be had any more"


def restored_line(restored: Restored) -> str:
    """Return the sentence about an older copy of a room that was restored on the server."""
    begin = f"An older copy of {clean_line(restored.name)} was restored on the server"
    if restored.agreed:
        seen = f"what was seen here behind event {restored.start}"
        again = ", and maybe some of what is not" if restored.again else ""
        return f"{begin}: {seen} may be gone from it; what is new there follows{again}."
    follows = f"what it has behind event {restored.start}" if restored.start else "all that it has"
    return f"{begin}, and nothing that was seen here is known to be left of it; {follows} follows."


def link_line(notice: Notice) -> str | None:
    """Return the line about a change of the link, None for any other notice."""
    form = _LINK.get(type(notice))
    return None if form is None else f"chatc: {form(notice)}"


def _seconds(seconds: float) -> str:
    """Return whole seconds; below one, where the kernel's word came before any silence, with a tenth."""
    return f"{seconds:.0f}" if seconds >= 1 else f"{seconds:.1f}"


_LINK: Final[dict[type, Callable[..., str]]] = {
    Connected: lambda n: f"connected to {n.address}",
    Lost: lambda n: f"lost {n.address}: {clean_line(n.reason)}",
    CannotConnect: lambda n: (
        f"cannot connect to {n.address}: {clean_line(n.reason).removesuffix('.')};"
        f" retrying in {n.retry_in:.1f} s"
    ),
    Quiet: lambda n: f"quiet {n.address} for {_seconds(n.seconds)} s; trying another connection",
    Revived: lambda n: f"heard from {n.address} again",
    KnownElsewhere: lambda n: (
        f"you are {clean_line(n.nick)} here; {n.address} says that it is the one that you know as {n.other},"
        f" where you are {clean_line(n.known)}: {n.way}"
    ),
    Narrowed: lambda n: f"large packets seem to be lost on the way to {n.address}; using smaller ones",
}
