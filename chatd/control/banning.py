"""``ban``, ``unban`` and ``bans``: who is kept out of a room, and which addresses out of the whole server."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from chatd.chat import address_bans
from chatd.chat.acts import BAN, acts_of, seconds_left
from chatd.chat.networks import is_wide, network_named, shown, unmapped, within
from chatd.chat.text import check_reason
from chatd.control import messages as m
from chatd.control.console import Console, need_room
from chatd.control.context import Context
from chatd.control.messages import RefusedError
from chatd.control.rows import BanRow
from chatd.control.stream import Stream
from chatd.control.where import conditions
from chatd.ops.words import counted
from chatd.server.connection import ChatConnection
from chatd.wire import messages as wire
from chatd.wire.errors import CloseReason

ROOM_NEEDED: Final = (
    "Name a room with --room. Without one, addresses are banned from the server; an account is kept out of it"
    " by chatctl user disable, a person who is connected is sent away by chatctl kick."
)
OWN_MACHINE: Final = "This machine itself is never banned, since relays speak for others from there."


async def ban(context: Context, stream: Stream, asked: m.AskBan) -> str:
    """Keep somebody, or addresses, out of a room; without a room, addresses out of the server."""
    if not asked.room:
        return await _ban_from_server(context, stream, asked)
    need_room(context.server, asked.room)
    _need_addresses(asked.whom)
    network = network_named(asked.whom)
    if network is not None:
        _spare_own_machine(unmapped(network))
        _spare_the_world(network, asked)
    request = wire.Ban(id=0, room=asked.room, whom=asked.whom, reason=asked.reason, seconds=asked.seconds)
    await Console(context.server, context.clock).request(request)
    return f"{asked.whom} is banned from {asked.room}."


async def _ban_from_server(context: Context, stream: Stream, asked: m.AskBan) -> str:
    """Ban addresses, and send those away who are connected from there."""
    network = _network(asked.whom)
    _spare_own_machine(network)
    _spare_the_world(network, asked)
    check_reason(asked.reason)
    server = context.server
    address_bans.put(server.hub.world, network, asked.seconds, asked.reason, server.wall())
    await Console(server, context.clock).durable()
    count = 0
    for connection in list(server.connections):
        if isinstance(connection, ChatConnection) and within(connection.peer_host, network):
            barred = server.barring.refusal(connection.peer_host)
            if barred is not None:
                connection.fail(barred, CloseReason.BANNED)
                count += 1
        if stream.due:
            await stream.turn()
    ended = f"{counted(count, 'connection')} from there {'was' if count == 1 else 'were'} ended"
    return f"{shown(network)} is banned from the server; {ended}."


async def unban(context: Context, _: Stream, asked: m.AskUnban) -> str:
    """Take a ban back."""
    if not asked.room:
        network = _network(asked.whom)
        address_bans.lift(context.server.hub.world, network)
        await Console(context.server, context.clock).durable()
        return f"{shown(network)} is not banned from the server any more."
    need_room(context.server, asked.room)
    _need_addresses(asked.whom)
    request = wire.Unban(id=0, room=asked.room, whom=asked.whom)
    await Console(context.server, context.clock).request(request)
    return f"{asked.whom} is not banned from {asked.room} any more."


async def bans(context: Context, stream: Stream, asked: m.AskBans) -> None:
    """Hand out the bans from the server, or from a room."""
    wanted = conditions(asked.where, BanRow.__struct_fields__)
    found = _of_room(context, asked.room) if asked.room else _of_server(context)
    for row in found:
        if all(condition(row) for condition in wanted):
            stream.add(row)
        if stream.due:
            await stream.turn()


def _of_server(context: Context) -> Iterator[BanRow]:
    world = context.server.hub.world
    now = world.calendar.now
    for ban in world.address_bans.values():
        if not address_bans.ended(ban, now):
            left = address_bans.seconds_left(ban, now) or None
            yield BanRow(whom=shown(ban.network), left=left, since=ban.since, reason=ban.reason)


def _of_room(context: Context, name: str) -> Iterator[BanRow]:
    room, now = need_room(context.server, name), context.server.hub.world.calendar.now
    for act in list(acts_of(room, BAN, now)):
        yield BanRow(whom=act.whom, left=seconds_left(act, now) or None, by=act.by, reason=act.reason)


def _network(whom: str) -> str:
    """Return the addresses that are meant. Raises `RefusedError` where there are none."""
    _need_addresses(whom)
    network = network_named(whom)
    if network is None:
        raise RefusedError("no-such-room", ROOM_NEEDED)
    return unmapped(network)


def _spare_own_machine(network: str) -> None:
    """Refuse to ban this machine itself. Raises `RefusedError`."""
    if ip_network(network).is_loopback:
        raise RefusedError("bad-value", OWN_MACHINE)


def _spare_the_world(network: str, asked: m.AskBan) -> None:
    """Refuse to ban a large part of all addresses unless that is meant. Raises `RefusedError`."""
    if is_wide(network) and not asked.force:
        text = f"{asked.whom} is a large part of all addresses; if you mean it, say so with --force."
        raise RefusedError("bad-value", text)


def _need_addresses(whom: str) -> None:
    """Refuse what is meant as addresses, as no nick looks like that, and is none. Raises `RefusedError`."""
    if ("/" in whom or ":" in whom) and network_named(whom) is None:
        raise RefusedError("bad-value", f"{whom} is no address; write one such as 192.0.2.0/24.")
