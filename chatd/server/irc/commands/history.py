"""History: CHATHISTORY and REDACT (ircv3.net, "chathistory" and "message-redaction").

Numbers of events are the msgids, so what is asked by these is exact; a time is looked for among the events.
"""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

import msgspec

from chatd.chat.permissions import first_readable
from chatd.chat.state import Room
from chatd.server.irc.batches import say_batch
from chatd.server.irc.client import Client
from chatd.server.irc.marks import unread_from
from chatd.server.irc.names import event_id, fold
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.rendering import SAID, time_of
from chatd.server.irc.welcoming import MOST_HISTORY
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.irc import Line, encode
from chatd.wire.limits import PAGE_ROWS

MOST_PAGES: Final = 10
"""Pages that are read for one answer: between messages there may be much that is none."""

MILLISECOND: Final = 1000

_event: Final = msgspec.json.Decoder(m.Event)


class BadRequestError(Exception):
    """What was asked makes no sense; the first argument is the code, the second the sentence."""


class Span(NamedTuple):
    """Events above ``after`` and below ``before``, wanted from the ``newest`` or the oldest on."""

    after: int
    before: int
    newest: bool


async def chathistory(client: Client, line: Line) -> None:
    """Tell of what was said."""
    word = line.params[0].upper() if line.params else ""
    try:
        await (_targets(client, line) if word == "TARGETS" else _history(client, word, line))
    except BadRequestError as error:
        code, text = error.args
        client.fail("CHATHISTORY", code, *[word] * bool(word), *line.params[1:2], text=text)


async def _history(client: Client, word: str, line: Line) -> None:
    references = _SPANS.get(word)
    if references is None:
        raise BadRequestError("INVALID_PARAMS", "It is LATEST, BEFORE, AFTER, AROUND, BETWEEN or TARGETS.")
    if len(line.params) < 3 + references:
        raise BadRequestError("NEED_MORE_PARAMS", f"{word} takes more parameters.")
    target, most = line.params[1], _number(line.params[2 + references])
    room = client.room(target)
    await client.questions.settle()
    if room is None or (client.me not in room.members and not room.direct):
        if not target.startswith("#") and client.network.user_called(target) is not None:
            _tell(client, target, [])
            return
        raise BadRequestError("INVALID_TARGET", "You are not there, or it is not there.")
    given = line.params[2 : 2 + references]
    if word == "AROUND":
        events = await _around(client, room, given[0], most)
    else:
        events = await _read(client, room, await _span(client, room, word, list(given)), most)
    _tell(client, target, events)


async def _span(client: Client, room: Room, word: str, given: list[str]) -> Span:
    end = room.log.head + 1
    if word == "LATEST":
        after = 0 if given[0] == "*" else (await _place(client, room, given[0]))[1]
        return Span(after, end, newest=True)
    low, high = await _place(client, room, given[0])
    if word == "BEFORE":
        return Span(0, low, newest=True)
    if word == "AFTER":
        return Span(high, end, newest=False)
    other_low, other_high = await _place(client, room, given[1])
    if low <= other_low:
        return Span(high, other_low, newest=False)
    return Span(other_high, low, newest=True)


async def _around(client: Client, room: Room, given: str, most: int) -> list[m.Event]:
    low, high = await _place(client, room, given)
    before = await _read(client, room, Span(0, low, newest=True), most // 2)
    here = await _read(client, room, Span(low - 1, high + 1, newest=False), 1) if low == high else []
    after = await _read(
        client, room, Span(high, room.log.head + 1, newest=False), most - len(before) - len(here)
    )
    return [*before, *here, *after]


async def _place(client: Client, room: Room, given: str) -> tuple[int, int]:
    """Return the first and the last event that ``given`` means.

    Of a time between events these are the first behind and the last before it, so that both are outside of
    what is asked for.
    """
    kind, _, value = given.partition("=")
    if kind == "msgid":
        found = event_id(value)
        if found is None or found[0] != room.name:
            raise BadRequestError("INVALID_MSGREFTYPE", "There is no such message here.")
        return found[1], found[1]
    if kind != "timestamp":
        raise BadRequestError("INVALID_MSGREFTYPE", "It is msgid=… or timestamp=….")
    ts = _time(value)
    return await _first_since(client, room, ts), await _first_since(client, room, ts + 1) - 1


async def _first_since(client: Client, room: Room, ts: int) -> int:
    """Return the first event at ``ts`` or later, or the one behind the head."""
    low, high = first_readable(client.asker, room), room.log.head + 1
    while low < high:
        middle = (low + high) // 2
        client.connection.input.gate.charge(1)
        if await client.questions.event_time(room, middle) < ts:
            low = middle + 1
        else:
            high = middle
    return low


async def _read(client: Client, room: Room, span: Span, most: int) -> list[m.Event]:
    """Return at most so many events of ``span``, in their order, as they are now."""
    found: list[m.Event] = []
    after, before = span.after, span.before
    for _ in range(MOST_PAGES):
        if len(found) >= most or before - after <= 1:
            break
        limit = min(PAGE_ROWS, max(2 * most, 10), before - after - 1)
        ask = partial(m.History, room=room.name, limit=limit, present=True)
        asked = partial(ask, before=before) if span.newest else partial(ask, after=after)
        try:
            ok = await client.questions.ask(lambda id_, asked=asked: asked(id=id_))  # type: ignore[misc]
        except RefusedError as error:
            raise BadRequestError(
                "INVALID_TARGET" if error.code is Code.NOT_A_MEMBER else "MESSAGE_ERROR", error.text
            ) from None
        became = {one.seq: one for one in ok.became or []}
        page = [_as_now(_event.decode(raw), became) for raw in ok.events or []]
        page = [event for event in page if after < event.seq < before]
        if not page:
            break
        everything = client.has("draft/event-playback")
        said = [event for event in page if everything or event.kind in SAID]
        if span.newest:
            found, before = [*said, *found][-most:], page[0].seq
        else:
            found, after = [*found, *said][:most], page[-1].seq
        if not ok.more:
            break
    return found


def _as_now(event: m.Event, became: dict[int, m.Became]) -> m.Event:
    now = became.get(event.seq)
    if now is None or not now.text or event.kind != "message":
        return event
    return msgspec.structs.replace(event, text=now.text)


def _tell(client: Client, target: str, events: list[m.Event]) -> None:
    renderer = client.network.renderer(client.capabilities)
    lines = [line for event in events for line in renderer.lines_of(event)]
    say_batch(client, lines, "chathistory", target)


async def _targets(client: Client, line: Line) -> None:
    if len(line.params) < 4:  # noqa: PLR2004 - TARGETS, two times, a number
        raise BadRequestError("NEED_MORE_PARAMS", "TARGETS takes two times and a number.")
    times = []
    for given in line.params[1:3]:
        if not given.startswith("timestamp="):
            raise BadRequestError("INVALID_PARAMS", "TARGETS is between two times.")
        times.append(_time(given.partition("=")[2]))
    await client.questions.settle()
    low, high = sorted(times)
    rooms = [*client.me.rooms, *client.me.newest_direct(MOST_HISTORY)]
    inside = sorted(
        (room for room in rooms if low < room.log.ts < high and room.log.head), key=lambda r: r.log.ts
    )
    most = _number(line.params[3])
    rows = inside[:most] if times[0] <= times[1] else inside[-most:]
    lines = []
    for room in rows:
        name = fold(room.partner(client.me).nick) if room.direct else room.name
        lines.append(encode("", "CHATHISTORY", "TARGETS", name, time_of(room.log.ts)))
    say_batch(client, lines, "draft/chathistory-targets")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):  # noqa: PLR2004 - of any page
        raise BadRequestError("INVALID_PARAMS", "The last parameter is a number of messages.")
    return min(int(text), MOST_HISTORY)


def _time(text: str) -> int:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadRequestError("INVALID_PARAMS", "A time is as 2026-01-31T12:00:00.000Z.") from None
    return round(moment.timestamp() * MILLISECOND)


async def markread(client: Client, line: Line) -> None:
    """Tell, or move, the marker up to which a target was read; it never goes back."""
    target = line.params[0] if line.params else ""
    if not target:
        client.fail("MARKREAD", "NEED_MORE_PARAMS", text="MARKREAD takes a target.")
        return
    name, marks, user = fold(target), client.network.marks, client.me
    room = client.room(target)
    known = marks.known(user, name)
    if not known and room is not None:
        seq = unread_from(room, user)
        ts = await client.questions.event_time(room, seq) if seq else 0
        known = time_of(ts) if ts else ""
    if len(line.params) > 1:
        try:
            ts = _time(line.params[1].removeprefix("timestamp=") if "=" in line.params[1] else "")
        except BadRequestError as error:
            client.fail("MARKREAD", "INVALID_PARAMS", target, text=str(error.args[1]))
            return
        if time_of(ts) > known:
            known = time_of(ts)
            marks.put(user, name, known)
            await _read_up_to(client, room, ts)
            for other in client.network.clients_of(user):
                if other is not client and other.has("draft/read-marker"):
                    other.write(encode(client.network.name, "MARKREAD", target, f"timestamp={known}"))
    client.tell("MARKREAD", target, f"timestamp={known}" if known else "*")


async def _read_up_to(client: Client, room: Room | None, ts: int) -> None:
    """Move the mark of ``room`` to the last event at ``ts``, where the client is there."""
    if room is None or client.me not in room.members:
        return
    seq = room.log.head if ts >= room.log.ts else await _first_since(client, room, ts + 1) - 1
    with suppress(RefusedError):
        await client.questions.ask(lambda id_: m.Read(id=id_, room=room.name, seq=max(0, seq)))


_SPANS: Final = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}
"""What can be asked for, and by how many references."""


async def redact(client: Client, line: Line) -> None:
    """Remove what was said, for everybody and for good."""
    target, msgid = line.params[:2]
    room, found = client.room(target), event_id(msgid)
    reason = line.params[2] if len(line.params) > 2 else ""  # noqa: PLR2004 - why
    if room is None:
        client.fail("REDACT", "INVALID_TARGET", target, text="You are not there, or it is not there.")
    elif found is None or found[0] != room.name:
        client.fail("REDACT", "UNKNOWN_MSGID", target, msgid, text="There is no such message here.")
    else:
        try:
            await client.questions.ask(
                lambda id_: m.Remove(id=id_, room=room.name, seq=found[1], reason=reason),
                client.pass_label if client.has("draft/message-redaction") else None,
            )
        except RefusedError as error:
            unknown = error.code in {Code.NO_SUCH_EVENT, Code.REMOVED}
            code = "UNKNOWN_MSGID" if unknown else "REDACT_FORBIDDEN"
            client.fail("REDACT", code, target, msgid, text=error.text)
