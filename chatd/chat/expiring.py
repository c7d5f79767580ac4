"""Expiring: ends sessions, guests and invitations whose time is over, a few of them in each turn (P6)."""

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from chatd.chat import arrival, invitations
from chatd.chat.snapshots import digests_of, numbers_of
from chatd.chat.state import Session
from chatd.chat.world import World

AT_ONCE: Final = 100
"""Units of work in one turn: a session that ends or is noted, a room that is left. Some milliseconds."""

LOOKED_AT: Final = 1000
"""Sessions, users or invitations that are looked at in one turn, and removed at the most."""

T = TypeVar("T")


class Slice(NamedTuple):
    """What one turn has done: so many units of work, and the sessions that it has ended."""

    work: int
    ended: list[Session]


def expire(world: World, age: int, now: int, *, unclaimed: bool) -> Iterator[Slice]:
    """End sessions without a connection for ``age`` milliseconds, and what else has ended, turn by turn.

    With ``unclaimed`` those end too whose welcome may never have arrived: a crash has left them. Of all
    others it is noted that they are there.
    """
    yield from _sessions(world, age, now, unclaimed)
    for users in _pieces(iter(numbers_of(world.users))):
        yield Slice(world.tidy(world.users[user] for user in users if user in world.users), [])
    for codes in _pieces(digests_of(world.invites)):
        yield Slice(invitations.tidy(world, codes), [])


def _pieces(everything: Iterator[T]) -> Iterator[list[T]]:
    while piece := list(islice(everything, LOOKED_AT)):
        yield piece


def _sessions(world: World, age: int, now: int, unclaimed: bool) -> Iterator[Slice]:
    before = world.calendar.now - age
    work = 0
    ended: list[Session] = []
    for number, digest in enumerate(digests_of(world.sessions), 1):
        session = world.sessions.get(digest)
        if session is None:  # it has ended meanwhile
            continue
        if session.peer is None and (0 < session.seen < before or (unclaimed and not session.confirmed)):
            work += 1 + len(session.user.rooms)
            arrival.end_session(world, session, now)
            ended.append(session)
        elif arrival.is_unsaved(session) or (session.peer is not None and session.confirmed):
            work += 1
            arrival.note_seen(world, session)
        if work >= AT_ONCE or number % LOOKED_AT == 0:
            yield Slice(work, ended)
            work, ended = 0, []
    yield Slice(work, ended)
