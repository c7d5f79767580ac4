"""Metadata: what users and rooms say of themselves by keys, as clients hear it (ircv3.net, "Metadata").

Clients with ``draft/metadata-3`` are told of changes by numerics, others by METADATA. What is said is kept,
and goes with the user or the room; which keys a client wants to hear of is known of its connection alone.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from chatd.chat import metadata
from chatd.chat.state import Room, User
from chatd.server.irc import numerics as n
from chatd.server.irc.batches import batched, say_batch
from chatd.wire.irc import encode

if TYPE_CHECKING:
    from chatd.server.irc.client import Client

CAPABILITIES: Final = frozenset({"draft/metadata-2", "draft/metadata-3"})

MOST_KEYS: Final = 20
"""Keys of one user or room."""

MOST_SUBSCRIPTIONS: Final = 50
"""Keys that one client hears of."""

MOST_KEY: Final = 64
"""Bytes of a key."""

MOST_VALUE: Final = 300
"""Bytes of a value: what fits into one line with names and the server's."""

MOST_AT_ONCE: Final = 200
"""Members of a room whose metadata come with it by themselves; of more one asks when one needs it."""

LIMITS: Final = (
    f"before-connect,max-subs={MOST_SUBSCRIPTIONS},max-keys={MOST_KEYS},max-value-bytes={MOST_VALUE}"
)
"""The value of the capability."""

SELF: Final = "*"
EVERYTHING: Final = "*ALL"
"""The target that is all that a client sees."""


def hears(client: "Client") -> bool:
    """Return whether ``client`` knows of metadata."""
    return not CAPABILITIES.isdisjoint(client.capabilities)


def name_of(owner: User | Room) -> str:
    """Return what ``owner`` is called on IRC."""
    return owner.name if isinstance(owner, Room) else owner.nick


def line_of(client: "Client", target: str, key: str, value: str) -> bytes:
    """Return the line that tells what ``target`` says by ``key``, or that it says nothing."""
    server = client.network.name
    if value:
        return encode(server, n.KEYVALUE.number, client.nick, target, key, "*", value)
    return encode(server, n.KEYNOTSET.number, client.nick, target, key, n.KEYNOTSET.text or "")


def all_of(client: "Client", owner: User | Room) -> list[bytes]:
    """Return the lines of all that ``owner`` says."""
    known = metadata.of(client.world, owner)
    return [line_of(client, name_of(owner), key, value) for key, value in known.items()]


def wanted_of(client: "Client", owner: User | Room, keys: "frozenset[str] | set[str]") -> Iterator[bytes]:
    """Yield the lines of what ``owner`` says by ``keys``."""
    known: Mapping[str, str] = metadata.of(client.world, owner)
    for key in known.keys() & keys:
        yield line_of(client, name_of(owner), key, known[key])


def in_room(room: Room) -> Iterator[User | Room]:
    """Yield ``room`` and its members."""
    yield room
    yield from list(room.members)


def visible(client: "Client") -> Iterator[User | Room]:
    """Yield all whose metadata ``client`` hears of, each once. There may be very many."""
    seen = {client.me}
    yield client.me
    for room in list(client.me.rooms):
        yield room
        for user in list(room.members):
            if user not in seen:
                seen.add(user)
                yield user
    for nick in list(client.watched.values()):
        watched = client.network.user_called(nick)
        if watched is not None and watched.connected and watched not in seen:
            yield watched


def seen_in_rooms(client: "Client") -> int:
    """Return how many members the rooms of ``client`` have, whoever is in several counted for each."""
    return sum(len(room.members) for room in client.me.rooms)


def tell(client: "Client", owner: User | Room, key: str, value: str) -> int:
    """Tell the other clients that see ``owner`` and hear of ``key``; return how many were looked at."""
    network = client.network
    if isinstance(owner, Room):
        some = network.clients_in(owner)
    else:
        some = list(dict.fromkeys((*network.peers_of(owner), *network.watchers.of(owner))))
    name = name_of(owner)
    for other in some:
        if other is client or key not in other.subscriptions:
            continue
        if other.has("draft/metadata-3"):
            other.write(line_of(other, name, key, value))
        else:
            other.write(encode(network.name, "METADATA", name, key, "*", *([value] if value else [])))
    return len(some) if isinstance(owner, Room) else network.looked_at(owner)


def joined(client: "Client", room: Room) -> None:
    """Tell what is said in ``room``, which ``client`` has joined, or that there is much of it."""
    if not hears(client):
        return
    if len(room.members) > MOST_AT_ONCE:
        client.numeric(n.SYNCLATER, room.name, "0")
    else:
        owners = in_room(room) if client.subscriptions else iter(())
        lines = [line for owner in owners for line in wanted_of(client, owner, client.subscriptions)]
        say_batch(client, lines, "metadata", room.name)


def told_of(client: "Client", room: Room) -> bytes:
    """Return the same as bytes, for what answers nothing; nothing for a client that does not ask for it."""
    if not hears(client):
        return b""
    if len(room.members) > MOST_AT_ONCE:
        return client.line(n.SYNCLATER.number, client.nick, room.name, "0", n.SYNCLATER.text or "")
    keys = client.subscriptions
    lines = [line for owner in in_room(room) for line in wanted_of(client, owner, keys)] if keys else []
    return batched(client, lines, "metadata", room.name)


def came(client: "Client", nick: str) -> None:
    """Tell what ``nick`` says, whom ``client`` watches and who is here."""
    user = client.network.user_called(nick)
    if user is not None and hears(client):
        lines = wanted_of(client, user, client.subscriptions)
        client.write(batched(client, lines, "metadata", user.nick))


def watching(client: "Client", nick: str) -> None:
    """Tell the same as the answer to a command."""
    user = client.network.user_called(nick)
    if user is not None and hears(client):
        say_batch(client, wanted_of(client, user, client.subscriptions), "metadata", user.nick)


def welcomed(client: "Client") -> None:
    """Tell ``client``, which comes in, what its user says."""
    if hears(client):
        say_batch(client, all_of(client, client.me), "metadata", client.nick)


def begin(client: "Client", user: User, said: Mapping[str, str]) -> None:
    """Have ``user`` say what ``client`` has said before it was registered."""
    known = metadata.of(client.world, user)
    for key, value in said.items():
        if key in known or len(known) < MOST_KEYS:
            metadata.put(client.world, user, key, value)
            known = metadata.of(client.world, user)


async def announce(client: "Client", said: Mapping[str, str]) -> None:
    """Tell the others what was said before ``client`` was registered, now that it is kept."""
    await client.questions.settle()
    known = metadata.of(client.world, client.me)
    for key in said:
        tell(client, client.me, key, known.get(key, ""))
