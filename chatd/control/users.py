"""What operators do about accounts: the same in a running daemon and in a data folder that no daemon uses.

One table has a function for each request. It changes a world and returns the sentence, or the rows, that tell
what was done; whoever calls sees to it that the change becomes durable. A refusal is a `RefusedError`.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from chatd.chat import accounts, certificates, deleting, invitations
from chatd.chat.account_requests import end_session
from chatd.chat.changes.rows import DISABLED, OPERATOR
from chatd.chat.names import check_nick
from chatd.chat.state import User
from chatd.chat.world import World
from chatd.control import messages as m
from chatd.control.messages import RefusedError
from chatd.control.rows import CertificateRow, UserRow
from chatd.server.invitation_codes import new_code

DISABLED_NOW: Final = "The account may not be used now; ask the operator of the server."
"""What the goodbye says to the devices of an account that is disabled."""

PAGE: Final = 200
"""Nicks that are looked at together."""


class Outcome(NamedTuple):
    """What was done: a sentence, rows where some were asked for, and what keeps it from having an effect."""

    text: str = ""
    rows: Iterable[Any] = ()
    note: str = ""


def perform(world: World, asked: m.AskedUser, now: int) -> Outcome:
    """Do what is ``asked``; ``now`` is in milliseconds since 1970. Raises `RefusedError` and `ChatdError`."""
    return USERS[type(asked)](world, asked, now)


def find(world: World, nick: str) -> User:
    """Return the user with the account ``nick``. Raises `RefusedError`."""
    found = accounts.find(world, nick)
    if found is None or found.deleted:
        raise RefusedError("no-such-user", f"There is no account {nick}; chatctl user list names them.")
    return found


def end_all(world: World, user: User, now: int, why: str = "") -> None:
    """End all sessions of ``user``, with their connections, which are told ``why``."""
    for session in list(user.sessions):
        end_session(world, session, now, why)


def _add(world: World, asked: m.AskUserAdd, now: int) -> Outcome:
    known = accounts.find(world, asked.nick)
    if known is not None:
        raise RefusedError("already-there", f"{known.nick} is an account already.")
    holder = world.nicks.get(check_nick(asked.nick)[1])
    if holder is not None and not asked.guest:
        raise RefusedError(
            "already-there",
            f"A guest has the nick {holder.nick}; --guest makes that guest the account, whoever it is.",
        )
    if holder is None and asked.guest:
        raise RefusedError(
            "no-such-user", f"No guest has the nick {asked.nick}; give the command without --guest."
        )
    made = holder or world.add_user(asked.nick)
    accounts.make(world, made, asked.password, now, scram=asked.scram)
    accounts.set_flag(world, made, OPERATOR, on=asked.operator)
    return Outcome(f"{made.nick} is an account now.")


def _passwd(world: World, asked: m.AskUserPasswd, now: int) -> Outcome:
    found = find(world, asked.nick)
    accounts.set_password(world, found, asked.password, asked.scram)
    if asked.end_sessions:
        end_all(world, found, now)
    return Outcome(f"{found.nick} has another password now.")


def _disable(world: World, asked: m.AskUserDisable, now: int) -> Outcome:
    found = find(world, asked.nick)
    accounts.set_flag(world, found, DISABLED, on=True)
    end_all(world, found, now, DISABLED_NOW)
    return Outcome(f"{found.nick} cannot be used now.")


def _enable(world: World, asked: m.AskUserEnable, _: int) -> Outcome:
    found = find(world, asked.nick)
    accounts.set_flag(world, found, DISABLED, on=False)
    return Outcome(f"{found.nick} can be used again.")


def _operator(world: World, asked: m.AskUserOperator, _: int) -> Outcome:
    found = find(world, asked.nick)
    accounts.set_flag(world, found, OPERATOR, on=not asked.off)
    return Outcome(f"{found.nick} is {'no operator any more' if asked.off else 'an operator now'}.")


def _delete(world: World, asked: m.AskUserDelete, now: int) -> Outcome:
    found = find(world, asked.nick)
    deleting.delete(world, found, now, erase=asked.erase)
    rest = "; what it has said is erased while the daemon runs, which tells its log when it is done"
    return Outcome(f"{found.nick} is deleted{rest if asked.erase else ''}.")


def _find(world: World, asked: m.AskUserFind, _: int) -> Outcome:
    return Outcome(find(world, asked.nick).nick)


def _list(world: World, _: m.AskUserList, __: int) -> Outcome:
    return Outcome(rows=_accounts(world))


def _accounts(world: World) -> Iterator[UserRow]:
    """Yield the accounts in the order of their nicks; some may come and go meanwhile."""
    keys = list(islice(world.nick_order.behind(""), PAGE))
    while keys:
        for key in keys:
            user = world.nicks.get(key)
            if user is not None and user.account is not None and user.key == key:
                yield _row(world, user)
        keys = list(islice(world.nick_order.behind(keys[-1]), PAGE))


def _row(world: World, user: User) -> UserRow:
    account = user.account
    if account is None:
        raise TypeError(user)
    by = world.users.get(account.invited_by)
    return UserRow(
        nick=user.nick,
        password=bool(account.password),
        sessions=len(user.sessions),
        operator=user.operator,
        disabled=user.disabled,
        deleted=user.deleted,
        invited_by="" if by is None else by.nick,
        failed=account.failed,
    )


def _invite(world: World, asked: m.AskUserInvite, _: int) -> Outcome:
    code = new_code(secrets.choice)
    invitations.invite(world, None, code, asked.uses, asked.days)
    return Outcome(code)


def _add_certificate(world: World, asked: m.AskCertificateAdd, now: int) -> Outcome:
    found = find(world, asked.nick)
    certificates.add(world, found, asked.fingerprint, asked.name, now)
    return Outcome(f"{found.nick} is opened by the certificate {asked.fingerprint}.")


def _list_certificates(world: World, asked: m.AskCertificateList, _: int) -> Outcome:
    rows = find(world, asked.nick).certificates.values()
    return Outcome(
        rows=[CertificateRow(fingerprint=row.fingerprint, name=row.name, added=row.added) for row in rows]
    )


def _remove_certificate(world: World, asked: m.AskCertificateRemove, _: int) -> Outcome:
    found = find(world, asked.nick)
    certificates.drop(world, found, asked.fingerprint)
    return Outcome(f"{found.nick} is no longer opened by that certificate.")


USERS: Final[dict[type, Callable[[World, Any, int], Outcome]]] = {
    m.AskUserAdd: _add,
    m.AskUserPasswd: _passwd,
    m.AskUserDisable: _disable,
    m.AskUserEnable: _enable,
    m.AskUserOperator: _operator,
    m.AskUserDelete: _delete,
    m.AskUserFind: _find,
    m.AskUserList: _list,
    m.AskUserInvite: _invite,
    m.AskCertificateAdd: _add_certificate,
    m.AskCertificateList: _list_certificates,
    m.AskCertificateRemove: _remove_certificate,
}
