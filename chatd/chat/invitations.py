"""Invitations to register: codes that serve a number of times, and for some days that the daemon runs."""

import hashlib
from collections.abc import Iterable

from chatd.chat.calendar import DAY
from chatd.chat.changes.rows import DropInvite, PutInvite
from chatd.chat.state import User
from chatd.chat.world import World
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_INVITES

_BAD = "This invitation serves no more, or never did; ask for another one."
_NONE = "An invitation is needed to register; give its code: /register CODE, or chatc register --invite CODE."


def digest_of(code: str) -> bytes:
    """Return what is stored of ``code``; case, hyphens and white space do not count."""
    plain = "".join(code.casefold().replace("-", "").split())
    return hashlib.sha256(plain.encode()).digest()


def invite(world: World, by: User | None, code: str, uses: int, days: int) -> PutInvite:
    """Let ``code`` serve from now on; ``by`` is None for the operator at the console.

    Raises `RequestError` ``too-many-invites``.
    """
    if by is not None:
        tidy(world, list(world.invites_by.get(by.id, ())))
    if by is not None and len(world.invites_by.get(by.id, ())) >= MAX_INVITES:
        raise RequestError(
            Code.TOO_MANY_INVITES, f"{MAX_INVITES} invitations of yours serve already; have them used first."
        )
    row = PutInvite(digest_of(code), 0 if by is None else by.id, uses, world.calendar.now + days * DAY)
    world.change(row)
    return row


def find(world: World, code: str) -> PutInvite:
    """Return the invitation that ``code`` is. Raises `RequestError` ``bad-invite``."""
    if not code.strip():
        raise RequestError(Code.BAD_INVITE, _NONE)
    row = world.invites.get(digest_of(code))
    if row is None or not _serves(world, row):
        raise RequestError(Code.BAD_INVITE, _BAD)
    return row


def use(world: World, row: PutInvite) -> None:
    """Count that an invitation has served once more."""
    world.change(row._replace(uses=row.uses - 1) if row.uses > 1 else DropInvite(row.digest))


def tidy(world: World, digests: Iterable[bytes]) -> int:
    """Forget those of the invitations with these ``digests`` that serve no more; return how many."""
    rows = [world.invites[digest] for digest in digests if digest in world.invites]
    over = [row for row in rows if not _serves(world, row)]
    for row in over:
        world.change(DropInvite(row.digest))
    return len(over)


def _serves(world: World, row: PutInvite) -> bool:
    """Return whether the time of an invitation has not run out, and its maker may still use the server."""
    by = world.users.get(row.by)
    return row.until > world.calendar.now and not (by is not None and by.disabled)
