"""The dialogue about accounts: requests whose secrets are checked or made before chat hears of them."""

import secrets
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import asdict
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.chat import accounts, scrams
from chatd.chat.accounts import check_account
from chatd.chat.certificates import opens
from chatd.chat.deleting import check_deletable
from chatd.chat.prepared import CodedInvite, HashedPasswd, HashedRegister, ProvenDeleteAccount
from chatd.chat.registering import check_guest
from chatd.chat.state import Session, User
from chatd.server.addresses import network_of
from chatd.server.admission import check_secure
from chatd.server.auth.checkers import check_invitation
from chatd.server.auth.credentials import Password
from chatd.server.auth.gatekeeper import GuessError
from chatd.server.budgets import Action
from chatd.server.dialogue import Handler, afford, floods, request, take_up
from chatd.server.gate import Hold
from chatd.server.invitation_codes import new_code
from chatd.server.states import State
from chatd.wire.errors import ChatdError, Code, RequestError
from chatd.wire.messages import DeleteAccount, End, Invite, Logout, Passwd, Register, Request
from chatd.wire.passwords import check_new

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

_WRONG: Final = "That is not the present password."

Prepare = Callable[["ChatConnection", Session, Any], Coroutine[Any, Any, Request]]


def _prepared(prepare: Prepare, action: Action | None = None) -> Handler:
    """Return what handles a request that ``prepare`` makes another one of; none is taken meanwhile.

    It costs one ``action``.
    """

    def handle(connection: "ChatConnection", message: Any, size: int) -> None:
        session = connection.session
        if session is None:
            request(connection, message, size, connection.server.wall())  # which refuses it
            return
        if action is None:
            refused = floods(connection, message, size)
        else:
            refused = not afford(connection, message, size, action)
        if refused:
            return
        connection.input.gate.hold(Hold.PAGE)
        prepared = Deferred.fromCoroutine(prepare(connection, session, message))
        prepared.addBoth(
            lambda outcome: take_up(connection, lambda: _go_on(connection, message, size, outcome))
        )

    return handle


def _go_on(connection: "ChatConnection", message: Request, size: int, outcome: Any) -> None:
    if not isinstance(outcome, Failure):
        request(connection, outcome, size, connection.server.wall())
    elif isinstance(outcome.value, ChatdError):
        error = outcome.value
        refusal = RequestError(error.code, error.text, error.suggest, retry_after=error.retry_after)
        connection.input.gate.owe(size, 1)
        connection.server.hub.refuse(connection, message.id, refusal)
    else:
        outcome.raiseException()


async def _register(connection: "ChatConnection", session: Session, message: Register) -> Request:
    check_secure(connection)
    check_guest(session.user)
    doors, host = connection.server.doors, connection.peer_host
    check_invitation(connection.server.hub, doors.gatekeeper, message.invite, host)
    least = connection.server.hub.world.terms.min_password
    check_new(message.password, least)  # the empty one of who only asks whether they might
    connection.server.spend(Action.REGISTRATION, host)
    salt = scrams.new_salt(connection.server.hub.world, session.user.nick)
    made = await doors.passwords.make(message.password, network_of(host), salt, least)
    return HashedRegister(
        id=message.id, password="", invite=message.invite, encoded=made.encoded, scram=made.scram
    )


async def _passwd(connection: "ChatConnection", session: Session, message: Passwd) -> Request:
    check_secure(connection)
    check_account(session.user)
    doors, user = connection.server.doors, session.user
    if not doors.gatekeeper.keeps_passwords():
        raise RequestError(
            Code.NOT_ALLOWED, "This server keeps no passwords itself; change yours where it is kept."
        )
    if _has_password(connection, user):
        await _prove(connection, user, message.old)
    verified = "" if user.account is None else user.account.password  # which the check may have renewed
    salt = scrams.new_salt(connection.server.hub.world, user.nick)
    least = connection.server.hub.world.terms.min_password
    made = await doors.passwords.make(message.password, network_of(connection.peer_host), salt, least)
    return HashedPasswd(id=message.id, password="", encoded=made.encoded, verified=verified, scram=made.scram)


async def _delete(connection: "ChatConnection", session: Session, message: DeleteAccount) -> Request:
    check_secure(connection)
    user, world = session.user, connection.server.hub.world
    check_deletable(world, user)
    shown = connection.certificate if world.terms.certificates else ""
    if not (shown and opens(user, shown)):
        if not _has_password(connection, user):
            raise RequestError(
                Code.NOT_ALLOWED, "The account has no password that could be asked for; give it one first."
            )
        await _prove(connection, user, message.password)
    verified = "" if user.account is None else user.account.password
    return ProvenDeleteAccount(id=message.id, erase=message.erase, verified=verified)


def _has_password(connection: "ChatConnection", user: User) -> bool:
    """Return whether somebody knows a password of the account: the server, or another checker."""
    vouched = connection.server.hub.world.terms.vouched
    return user.account is not None and (bool(user.account.password) or vouched)


async def _prove(connection: "ChatConnection", user: User, password: str) -> None:
    """Raise `RequestError` unless ``password`` is that of the account of ``user``."""
    host = connection.peer_host
    try:
        nick = await connection.server.doors.gatekeeper.ask(Password(user.nick, password, host))
    except GuessError as error:
        connection.server.spend(Action.FAILURE, host)
        if error.code == Code.WRONG_PASSWORD:  # who asks is known to have the account
            raise RequestError(error.code, _WRONG) from None
        raise
    if accounts.find(connection.server.hub.world, nick) is not user:
        raise RequestError(Code.WRONG_PASSWORD, _WRONG)


async def _invite(connection: "ChatConnection", session: Session, message: Invite) -> Request:
    del connection, session
    return CodedInvite(**asdict(message), code=new_code(secrets.choice))


def _ending(connection: "ChatConnection", message: End | Logout, size: int) -> None:
    """End sessions; the others hear that the user may be away."""
    session = connection.session
    request(connection, message, size, connection.server.wall())
    if session is not None:
        connection.server.hub.presence.touch(session.user)


ACCOUNTS: Final[dict[tuple[State, type], Handler]] = {
    (State.LIVE, Register): _prepared(_register, Action.LOGIN),
    (State.LIVE, Passwd): _prepared(_passwd, Action.LOGIN),
    (State.LIVE, DeleteAccount): _prepared(_delete, Action.LOGIN),
    (State.LIVE, Invite): _prepared(_invite),
    (State.LIVE, End): _ending,
    (State.LIVE, Logout): _ending,
}
"""The handlers that every kind of connection has."""
