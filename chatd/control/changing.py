"""The requests that change something: people, rooms, the log's levels, and the daemon's end."""

from typing import Final

from chatd.chat.account_requests import end_session
from chatd.chat.names import USER_SIGN, check_nick
from chatd.chat.text import check_reason, check_text
from chatd.control import messages as m
from chatd.control.console import Console, console_user, need_room
from chatd.control.context import Context
from chatd.control.messages import RefusedError
from chatd.control.stream import Stream
from chatd.control.users import end_all, perform
from chatd.ops.words import counted
from chatd.server.connection import ChatConnection
from chatd.server.states import State
from chatd.wire import messages as wire
from chatd.wire.errors import CloseReason
from chatd.wire.names import SERVER

CLOSED: Final = 'Registration is closed: the code serves once [accounts] registration is "invite".'

AGAIN: Final = "log in again, or begin as a guest."
"""What somebody may do whose session an operator has ended."""


async def user(context: Context, stream: Stream, asked: m.AskedUser) -> str:
    """Do what is asked about accounts."""
    server = context.server
    outcome = perform(server.hub.world, asked, server.wall())
    for row in outcome.rows:
        stream.add(row)
        if stream.due:
            await stream.turn()
    if server.hub.world.batch:
        await Console(server, context.clock).durable()
    if isinstance(asked, m.AskUserInvite) and server.hub.world.terms.registration == "closed":
        stream.note = CLOSED
    return outcome.text


# ---- people -----------------------------------------------------------------------------------------------


async def kick(context: Context, _: Stream, asked: m.AskKick) -> str:
    """Remove a member from a room; without a room, end the sessions of a user, or that of a connection."""
    if asked.room:
        need_room(context.server, asked.room)
        request = wire.Kick(id=0, room=asked.room, whom=asked.whom, reason=asked.reason)
        await Console(context.server, context.clock).request(request)
        return f"{asked.whom} is not in {asked.room} any more."
    check_reason(asked.reason)
    why = f"An operator has ended this session ({asked.reason}); {AGAIN}" if asked.reason else ""
    if asked.whom.isdecimal():
        return await _kick_connection(context, int(asked.whom), why)
    world = context.server.hub.world
    found = world.nicks.get(check_nick(asked.whom.removeprefix(USER_SIGN))[1])
    if found is None:
        raise RefusedError("no-such-user", f"Nobody here is called {asked.whom}.")
    count, nick = len(found.sessions), found.nick
    end_all(world, found, context.wall(), why)
    await Console(context.server, context.clock).durable()
    return f"{counted(count, 'session')} of {nick} {'is' if count == 1 else 'are'} ended."


async def appoint(context: Context, _: Stream, asked: m.AskAppoint) -> str:
    """Make a member the owner of a room, which has one at the most."""
    need_room(context.server, asked.room)
    request = wire.Role(id=0, room=asked.room, whom=asked.whom, role="owner")
    await Console(context.server, context.clock).request(request)
    return f"{asked.whom} owns {asked.room} now."


async def _kick_connection(context: Context, number: int, why: str) -> str:
    """End the session of connection ``number``, which is told ``why``; one that was not let in is closed."""
    found = next((one for one in context.server.connections if one.number == number), None)
    if found is None:
        raise RefusedError("no-such-connection", f"There is no connection {number}; chatctl who lists them.")
    if found.session is None:
        found.close(CloseReason.ENDED, why)
        return f"Connection {number} is closed."
    nick = found.session.user.nick
    end_session(context.server.hub.world, found.session, context.wall(), why)
    await Console(context.server, context.clock).durable()
    return f"The session of connection {number}, of {nick}, is ended."


async def mute(context: Context, _: Stream, asked: m.AskMute) -> str:
    """Let a member of a room read only."""
    need_room(context.server, asked.room)
    request = wire.Mute(id=0, room=asked.room, whom=asked.whom, reason=asked.reason, seconds=asked.seconds)
    await Console(context.server, context.clock).request(request)
    return f"{asked.whom} cannot speak in {asked.room} now."


async def unmute(context: Context, _: Stream, asked: m.AskUnmute) -> str:
    """Let somebody speak again."""
    need_room(context.server, asked.room)
    request = wire.Unmute(id=0, room=asked.room, whom=asked.whom)
    await Console(context.server, context.clock).request(request)
    return f"{asked.whom} can speak in {asked.room} again."


# ---- announcements ----------------------------------------------------------------------------------------


async def announce(context: Context, stream: Stream, asked: m.AskAnnounce) -> str:
    """Let the server speak: in a room, where it stays, or to everybody who is connected now."""
    check_text(asked.text)
    if asked.room:
        return await _announce_in_room(context, asked)
    message = wire.Announcement(text=asked.text, ts=context.wall())
    count = 0
    for connection in list(context.server.connections):
        if isinstance(connection, ChatConnection) and connection.state is State.LIVE:
            connection.output.say(message)
            count += 1
        if stream.due:
            await stream.turn()
    return f"{counted(count, 'connection')} {'was' if count == 1 else 'were'} told."


async def _announce_in_room(context: Context, asked: m.AskAnnounce) -> str:
    world = context.server.hub.world
    room = world.find_room(world.asker(console_user()), asked.room)
    if room is None or room.direct:
        raise RefusedError("no-such-room", f"There is no room {asked.room}; chatctl rooms lists them.")
    seq = world.post(room, "announce", SERVER, context.wall(), asked.text)
    await Console(context.server, context.clock).durable()
    return f"It is event {seq} of {room.name}."


# ---- the daemon -------------------------------------------------------------------------------------------


async def log_level(context: Context, _: Stream, asked: m.AskLogLevel) -> str:
    """Let modules of a name be logged from another level on."""
    context.process.set_level(asked.namespace, asked.level)
    if not asked.level:
        return f"{asked.namespace} is logged as [log] level says."
    return f"{asked.namespace} is logged from {asked.level} on."


async def drain(context: Context, _: Stream, asked: m.AskDrain) -> str:
    """Begin the daemon's end; everybody is asked to come back within some time."""
    if context.server.draining:
        raise RefusedError("draining", "The daemon is draining already.")
    context.clock.callLater(0, context.process.stop, asked.over)
    count = len(context.server.connections)
    verb = "is" if count == 1 else "are"
    within = "" if asked.over is None else f", to come back within {asked.over:g} seconds"
    return f"The daemon ends; {counted(count, 'connection')} {verb} sent away{within}."


async def reload(context: Context, stream: Stream, _: m.AskReload) -> str:
    """Read the configuration again; all of it is in force then, or nothing was changed."""
    report = context.process.reload()
    if report.refused:
        raise RefusedError("bad-configuration", " ".join(report.problems))
    stream.add(report)
    return ""


async def upgrade(context: Context, _: Stream, asked: m.AskUpgrade) -> str:
    """Let another process take the daemon's place."""
    del asked
    why = await context.process.upgrade()
    if why:
        raise RefusedError("no-successor", why)
    return "The new program is ready, and takes over; the old one ends."
