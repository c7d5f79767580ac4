"""Places: the networks from which an account was logged in to, so that nobody elsewhere can keep it shut.

A network is an IPv4 address, or the /64 of an IPv6 address. Whoever logs in from one of them is delayed by
what failed there alone (`chatd.server.auth.gatekeeper`). What is kept is bounded: the latest ones.
"""

from typing import Final

from chatd.chat.changes.rows import DropPlace, PutPlace
from chatd.chat.state import User
from chatd.chat.world import World

MOST: Final = 8
"""Networks of one account that are remembered: home, work, some in between. Each may guess by itself."""


def note(world: World, user: User, network: str) -> None:
    """Remember that the account of ``user`` was logged in to from ``network``, in place of the oldest."""
    if user.account is None:
        return
    if network not in user.places and len(user.places) >= MOST:
        oldest = min(user.places, key=lambda known: user.places[known])
        world.change(DropPlace(user.id, oldest))
    world.change(PutPlace(user.id, network, world.calendar.now))
