"""Accounts: users who stay, with their nicks and rooms, whether any device of theirs is known or not.

A user without an account is a guest, who is forgotten with the last session. Passwords are known here as
encoded hashes alone; whoever calls these functions has checked or made them (`chatd.server.passwords`).
"""

from collections.abc import Iterator

from chatd.chat import removing, scrams, sweeping
from chatd.chat.changes.rows import (
    DELETED,
    DISABLED,
    OPERATOR,
    DropCertificate,
    DropPlace,
    PutAccount,
    PutNick,
)
from chatd.chat.names import check_nick
from chatd.chat.state import Session, User
from chatd.chat.world import World
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_NICKS
from chatd.wire.names import fold


def find(world: World, nick: str) -> User | None:
    """Return the user with an account whom ``nick`` leads to, or None. Raises `RequestError` ``bad-nick``."""
    user = world.nicks.get(check_nick(nick)[1])
    return None if user is None or user.account is None else user


def all_gone(world: World) -> Iterator[str]:
    """Yield the keys of the nicks of all accounts that are deleted."""
    for user in world.users.values():
        if user.deleted:
            yield from keys_of(user)


def is_gone(world: World, key: str) -> bool:
    """Return whether the nick of ``key`` is one of an account that is deleted."""
    user = world.nicks.get(key)
    return user is not None and user.deleted


def keys_of(user: User) -> set[str]:
    """Return the keys of all nicks by which ``user`` may be known."""
    return {fold(user.nick), *user.kept}


def check_account(user: User) -> None:
    """Raise `RequestError` ``account-needed`` if ``user`` is a guest."""
    if user.account is None:
        raise RequestError(Code.ACCOUNT_NEEDED, "A guest has no account; register to have one.")


def make(
    world: World, user: User, password: str, now: int, invited_by: int = 0, scram: str = ""
) -> PutAccount:
    """Make an account of ``user``, a guest, and return its row; the nick is the account's for good.

    ``password`` is an encoded hash, ``scram`` what it is verified by over SCRAM, ``now`` in milliseconds
    since 1970.
    """
    row = PutAccount(user.id, password, created=now, invited_by=invited_by)
    world.change(row)
    scrams.keep(world, user, scram)
    if user.key is not None:
        world.change(PutNick(user.key, user.id, since=now))
    return row


def check_rename(world: World, user: User, key: str) -> None:
    """Raise `RequestError` if the account may have no further nick, such as ``key``.

    That is ``too-many-nicks``, or ``not-allowed`` for one that others vouch for: they know it by its nick.
    """
    if user.account is None or key in user.kept:
        return
    if world.terms.vouched and not user.account.password:
        raise RequestError(
            Code.NOT_ALLOWED,
            f"{user.nick} is the name by which your password is known; it cannot be another one.",
        )
    if len(user.kept) >= MAX_NICKS:
        raise RequestError(
            Code.TOO_MANY_NICKS,
            f"An account has {MAX_NICKS} nicks at most, and keeps each for good; go back to one of yours.",
        )


def set_password(world: World, user: User, password: str, scram: str = "") -> None:
    """Give the account of ``user`` another password, of which ``password`` is the encoded hash.

    ``scram`` is what it is verified by over SCRAM; nothing takes away what the old one was verified by.
    """
    if user.account is not None:
        world.change(user.account._replace(password=password))
        scrams.keep(world, user, scram)


def set_flag(world: World, user: User, flag: int, *, on: bool) -> None:
    """Switch a ``flag`` of the account of ``user``."""
    account = user.account
    if account is not None:
        world.change(account._replace(flags=account.flags | flag if on else account.flags & ~flag))


def note_failure(world: World, user: User) -> None:
    """Count an attempt to log in that has failed, so that the owner is told of it."""
    if user.account is not None:
        world.change(user.account._replace(failed=user.account.failed + 1))


def warn(session: Session) -> int:
    """Return of how many failed attempts the device of ``session`` is to be told; 0 if it has heard of them.

    It has heard of them once `note_warned` says so, as a welcome may be lost.
    """
    account = session.user.account
    failed = 0 if account is None else account.failed
    session.warning = failed if failed > session.warned else 0
    return session.warning


def note_warned(world: World, session: Session) -> None:
    """Note that the device has heard what it was told. The count begins anew if it had just logged in."""
    told, session.warning = session.warning, 0
    by_login, session.by_login = session.by_login, False
    account = session.user.account
    if not told or account is None:
        return
    session.warned = told
    if by_login:
        for device in session.user.sessions:
            device.warned = max(0, device.warned - told)
        world.change(account._replace(failed=max(0, account.failed - told)))


def end_all(world: World, user: User) -> None:
    """End the sessions of an account that has no connection now."""
    for session in list(user.sessions):
        world.end_session(session)


def delete(world: World, user: User, now: int) -> None:
    """Remove secrets and sessions of an account without a connection for good; it leaves its rooms.

    Its nicks stay its own, so that nobody speaks in its name. ``now`` is in milliseconds since 1970.
    """
    account = user.account
    if account is None:
        return
    end_all(world, user)
    for fingerprint in list(user.certificates):
        world.change(DropCertificate(user.id, fingerprint))
    scrams.keep(world, user, "")
    for network in list(user.places):
        world.change(DropPlace(user.id, network))
    world.drop_wishes(user)
    sweeping.settle(world, user)
    for room in list(user.rooms):
        removing.leave(world, room, user, now)
    world.change(account._replace(password="", flags=account.flags & ~OPERATOR | DISABLED | DELETED))
