"""Registering and logging in: what a user may become an account by, once the password is checked or made."""

from chatd.chat import accounts, invitations
from chatd.chat.changes.rows import PutInvite
from chatd.chat.names import check_nick
from chatd.chat.state import Session, User
from chatd.chat.world import World
from chatd.wire.errors import Code, ProtocolError, RequestError

WRONG = "The nick or the password is wrong, or this account may not be used now."
"""What is said of every login that is refused, whatever was wrong, so that nobody learns who is known."""


def check_open(world: World, code: str) -> PutInvite | None:
    """Return the invitation that ``code`` is, if it takes one to register; None if everybody may.

    Raises `RequestError` ``closed-registration`` or ``bad-invite``.
    """
    if world.terms.registration == "open":
        return None
    if world.terms.registration == "closed":
        raise RequestError(Code.CLOSED_REGISTRATION, "Accounts are made by the operator here; ask for one.")
    return invitations.find(world, code)


def register(
    world: World, nick: str, password: str, code: str, digest: bytes, now: int, scram: str = ""
) -> Session:
    """Return a session of a new account; ``digest`` is of its token, ``password`` an encoded hash.

    ``scram`` is what the password is verified by over SCRAM.

    Raises `ProtocolError` as `check_open` and `chatd.chat.world.World.add_user` do.
    """
    try:
        invitation = check_open(world, code)
    except RequestError as error:
        raise ProtocolError(error.code, error.text) from None
    user = world.add_user(nick)
    _make(world, user, password, invitation, now, scram)
    return world.add_session(user, digest)


def register_guest(world: World, user: User, password: str, code: str, now: int, scram: str = "") -> None:
    """Make an account of the guest ``user``. Raises `RequestError` as `check_open`, or ``not-allowed``."""
    check_guest(user)
    _make(world, user, password, check_open(world, code), now, scram)


def check_guest(user: User) -> None:
    """Raise `RequestError` ``not-allowed`` if ``user`` has an account."""
    if user.account is not None:
        raise RequestError(Code.NOT_ALLOWED, f"{user.nick} is an account already; give it a password.")


def _make(
    world: World, user: User, password: str, invitation: PutInvite | None, now: int, scram: str
) -> None:
    accounts.make(world, user, password, now, 0 if invitation is None else invitation.by, scram)
    if invitation is not None:
        invitations.use(world, invitation)


def log_in(world: World, nick: str, digest: bytes) -> Session:
    """Return a new session of the account ``nick``.

    Raises `ProtocolError` ``wrong-password`` if there is none that may be used, or ``too-many-devices``.
    """
    user = accounts.find(world, nick)
    if user is None or user.disabled:
        raise ProtocolError(Code.WRONG_PASSWORD, WRONG)
    session = world.add_session(user, digest)
    session.by_login = True
    return session


def may_be_vouched(world: World, nick: str) -> bool:
    """Return whether somebody else than the server may say who comes in as ``nick``.

    An account may be somebody else's than theirs if it has a password here, or other nicks as well. Raises
    `RequestError` ``bad-nick``.
    """
    user = accounts.find(world, nick)
    if user is None or user.account is None:
        return True
    return not user.account.password and user.kept.keys() == {check_nick(nick)[1]}


def admit_stranger(world: World, nick: str, now: int) -> None:
    """Make an account without a password for ``nick``, whom somebody else vouches for, if there is none.

    Raises `ProtocolError` as `chatd.chat.world.World.add_user` does.
    """
    if accounts.find(world, nick) is None:
        accounts.make(world, world.add_user(nick), "", now)
