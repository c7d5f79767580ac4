"""What is said of what waits elsewhere, or was interrupted: what it is, and the commands for it."""

import shlex
from collections.abc import Iterable

from chatd.client.cli.showing import counted
from chatd.client.cli.sizes import size_text
from chatd.client.cli.text import clean_line
from chatd.client.core.notices import AnotherServer, Begun, Left


def left_lines(left: Iterable[Left], command: str = "chatc waiting", mark: str = "--") -> list[str]:
    """Return what is listed of what waits for other servers, or was interrupted, and how to go on or drop it.

    ``command`` and ``mark`` begin the commands as they are typed here.
    """
    lines: list[str] = []
    for one in left:
        rooms = f", in {', '.join(map(clean_line, one.rooms))}" if one.rooms else ""
        where = one.address
        if one.here:
            where += ", another server than today's"
        elif one.ours and (one.messages or one.files):
            where += ", in another session of yours"
        lines.append(f"{clean_line(one.nick)} at {where}{rooms}: {_waits([one]) or 'nothing waits'}")
        lines += [f"  message for {clean_line(room)}: {clean_line(text)}" for room, text in one.messages]
        lines += [f"  file for {clean_line(room)}: {clean_line(str(path))}" for room, path in one.files]
        lines += [f"  {_begun_line(begun)}{_again(one, begun, mark)}" for begun in one.begun]
        lines.append(f"  {_what_to_do(one, command, mark)}")
    return lines or ["Nothing is left for another server."]


def _begun_line(begun: Begun) -> str:
    room, path = clean_line(begun.room), clean_line(begun.path)
    if begun.sending:
        return f"file for {room}, interrupted: {path}"
    come = f"{size_text(begun.done)} of {size_text(begun.size)}" if begun.size else "nothing yet"
    return f"file of event {begun.seq} in {room}, interrupted: {come} in {path}.part"


def _again(left: Left, begun: Begun, mark: str) -> str:
    """Return how to go on with what was interrupted, where that is possible here."""
    if not left.ours:
        return ""
    room, path = clean_line(shlex.quote(begun.room)), clean_line(shlex.quote(begun.path))
    if begun.sending:
        command = f"chatc put {room} {path}" if mark else f"/put {path}"
    else:
        command = f"chatc get {room} {begun.seq} -o {path}" if mark else f"/get {begun.seq} {path}"
    return f"; {command} goes on" if mark else f"; in {clean_line(begun.room)}, {command} goes on"


def _what_to_do(left: Left, command: str, mark: str) -> str:
    if not left.here and not left.ours:
        nick = clean_line(shlex.quote(left.nick))
        return f"chatc --server {shlex.quote(left.address)} --nick {nick} goes on there"
    drop = f"{command} {mark}drop deletes it"
    if not left.messages and not left.files:
        return drop
    return f"{command} {mark}send sends it{' here' if left.here else ''}, {drop}"


def _waits(left: Iterable[Left]) -> str:
    parts = [(one.messages, one.files) for one in left]
    numbers = ((sum(len(m) for m, _ in parts), "message"), (sum(len(f) for _, f in parts), "file"))
    return " and ".join(counted(number, noun) for number, noun in numbers if number)


def another_server(notice: AnotherServer, command: str, mark: str) -> str:
    """Return the sentence about a server that is not yesterday's, with the commands for what waits."""
    said = f"this is not the server that you used at {notice.address} before"
    told = _waits(notice.left)
    if not told:
        return f"{said}; nothing waits for that one"
    return (
        f"{said}. Waiting for that one: {told}. {command} lists it, {command} {mark}send sends it here,"
        f" {command} {mark}drop deletes it"
    )
