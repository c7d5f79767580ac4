"""Bans of addresses from the whole server: the operator's, who are not in rooms.

Whoever comes from one of them is refused before anything else. One counts until it has ended, whether it was
dropped by then or not. Times are milliseconds of `chatd.chat.calendar`.
"""

from chatd.chat.changes.rows import DropAddressBan, PutAddressBan
from chatd.chat.networks import shown
from chatd.chat.world import World
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_ADDRESS_BANS


def ban_of(world: World, host: str) -> PutAddressBan | None:
    """Return a ban that concerns the address ``host`` now, or None."""
    if not len(world.address_bans):
        return None
    now = world.calendar.now
    return next((ban for ban in world.address_bans.around(host) if not ended(ban, now)), None)


def ended(ban: PutAddressBan, now: int) -> bool:
    """Return whether ``ban`` has ended."""
    return 0 < ban.until <= now


def seconds_left(ban: PutAddressBan, now: int) -> int:
    """Return the seconds until ``ban`` ends; 0 if it never does."""
    return (ban.until - now + 999) // 1000 if ban.until else 0


def put(world: World, network: str, seconds: int, reason: str, wall: int) -> None:
    """Ban ``network`` for ``seconds``, 0 for good, in the place of an earlier ban of the same.

    Raises `RequestError` ``too-many-acts``.
    """
    if network not in world.address_bans and len(world.address_bans) >= MAX_ADDRESS_BANS:
        prune(world)
        if len(world.address_bans) >= MAX_ADDRESS_BANS:
            raise RequestError(
                Code.TOO_MANY_ACTS, f"{MAX_ADDRESS_BANS} addresses and networks are banned; lift some bans."
            )
    until = world.calendar.now + 1000 * seconds if seconds else 0
    world.change(PutAddressBan(network, until, wall, reason))


def lift(world: World, network: str) -> None:
    """Take the ban of ``network`` back. Raises `RequestError` ``no-such-act``."""
    if network not in world.address_bans:
        raise RequestError(Code.NO_SUCH_ACT, f"{shown(network)} is not banned from the server.")
    world.change(DropAddressBan(network))


def prune(world: World) -> int:
    """Drop the bans that have ended; return how many these were."""
    now = world.calendar.now
    over = [ban for ban in world.address_bans.values() if ended(ban, now)]
    for ban in over:
        world.change(DropAddressBan(ban.network))
    return len(over)
