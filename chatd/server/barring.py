"""Barring: whoever comes from a banned address is refused at the door, and told why while that is cheap."""

from typing import Final

from chatd.chat.address_bans import ban_of, seconds_left
from chatd.chat.networks import shown
from chatd.chat.world import World
from chatd.clock import Clock
from chatd.ops.repeats import Repeats
from chatd.server.addresses import is_local, network_of
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.limits import BANNED_AGAIN

TELL_INTERVAL: Final = 10.0
"""Seconds in which a banned network is worth one handshake of TLS, to be told why; others are cut off."""


class Barring:
    """Says who is refused because of the bans in ``world``; this machine never is: relays are there."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._told = Repeats(TELL_INTERVAL)

    def refusal(self, host: str) -> ProtocolError | None:
        """Return what somebody at ``host`` is told who is banned there, or None."""
        ban = None if is_local(host) else ban_of(self._world, host)
        if ban is None:
            return None
        left = seconds_left(ban, self._world.calendar.now)
        whom, reason = shown(ban.network), f": {ban.reason}" if ban.reason else ""
        return ProtocolError(
            Code.ADDRESS_BANNED,
            f"{whom} is banned from this server{reason}; ask its operator if that concerns you.",
            retry_after=float(min(left or BANNED_AGAIN, BANNED_AGAIN)),
        )

    def may_tell(self, host: str) -> bool:
        """Return whether somebody at ``host``, which is banned, is let through TLS to hear of it."""
        return self._told.admit(network_of(host), self._clock.seconds()) is not None
