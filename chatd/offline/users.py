"""chatctl user: accounts in a data folder, as the operator makes and ends them."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from chatd.chat import accounts, invitations
from chatd.chat.accounts import end_all
from chatd.chat.changes.rows import DISABLED, OPERATOR
from chatd.chat.names import check_nick
from chatd.chat.state import User
from chatd.chat.storage import StoreError
from chatd.chat.world import World
from chatd.clock import wall_milliseconds
from chatd.offline.folder import opened
from chatd.ops.words import escape
from chatd.secret import SecretError, read_password
from chatd.server.invitation_codes import new_code
from chatd.server.passwords import OWASP, check_new, prepare
from chatd.wire.errors import ChatdError
from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES

F = TypeVar("F", bound=Callable[..., Any])

DATA = click.argument("data", type=click.Path(path_type=Path))
NICK = click.argument("nick")


def with_password(function: F) -> F:
    """Give a command the options that say where the password comes from."""
    for option in (
        click.option("--password-fd", type=int, metavar="N", help="Read it from this open descriptor."),
        click.option("--password-file", metavar="FILE", help="Read it from the first line of FILE."),
    ):
        function = option(function)
    return function


class Group(click.Group):
    """Says in one sentence why a command could not be done."""

    def invoke(self, ctx: click.Context) -> Any:
        """Do what was asked."""
        try:
            return super().invoke(ctx)
        except (StoreError, SecretError) as error:
            sentence = str(error)
        except ChatdError as error:
            sentence = error.text
        except OSError as error:
            sentence = f"That is not possible: {error.strerror or error}."
        raise click.ClickException(escape(sentence))


@click.group("user", cls=Group)
def user() -> None:
    """Make and end accounts in the data folder DATA, while no daemon uses it."""


@user.command("add")
@DATA
@NICK
@click.option("--operator", is_flag=True, help="Let them do everything everywhere.")
@click.option("--no-password", is_flag=True, help="Set none: somebody else knows it, or it comes later.")
@click.option("--guest", is_flag=True, help="Make it of the guest who has that nick now, whoever it is.")
@with_password
def add(
    data: Path,
    nick: str,
    operator: bool,
    no_password: bool,
    guest: bool,
    password_file: str | None,
    password_fd: int | None,
) -> None:
    """Make an account called NICK. A guest who has that nick keeps it, unless --guest is given."""
    encoded = "" if no_password else _hash(nick, password_file, password_fd)
    with opened(data) as world:
        known = accounts.find(world, nick)
        if known is not None:
            raise click.ClickException(escape(f"{known.nick} is an account already."))
        _check_guest(world, nick, wanted=guest)
        made = world.nicks.get(check_nick(nick)[1]) or world.add_user(nick)
        accounts.make(world, made, encoded, wall_milliseconds())
        accounts.set_flag(world, made, OPERATOR, on=operator)
    click.echo(escape(f"{made.nick} is an account now."))


@user.command("passwd")
@DATA
@NICK
@click.option("--end-sessions", is_flag=True, help="Let all devices log in again.")
@with_password
def passwd(
    data: Path, nick: str, end_sessions: bool, password_file: str | None, password_fd: int | None
) -> None:
    """Set the password of the account NICK."""
    encoded = _hash(nick, password_file, password_fd)
    with opened(data) as world:
        found = find_account(world, nick)
        accounts.set_password(world, found, encoded)
        if end_sessions:
            end_all(world, found)
    click.echo(escape(f"{found.nick} has another password now."))


@user.command("disable")
@DATA
@NICK
def disable(data: Path, nick: str) -> None:
    """Let nobody use the account NICK, and end its sessions. It keeps its nicks and rooms."""
    with opened(data) as world:
        found = find_account(world, nick)
        accounts.set_flag(world, found, DISABLED, on=True)
        end_all(world, found)
    click.echo(escape(f"{found.nick} cannot be used now."))


@user.command("enable")
@DATA
@NICK
def enable(data: Path, nick: str) -> None:
    """Let the account NICK be used again."""
    with opened(data) as world:
        found = find_account(world, nick)
        accounts.set_flag(world, found, DISABLED, on=False)
    click.echo(escape(f"{found.nick} can be used again."))


@user.command("operator")
@DATA
@NICK
@click.option("--off", is_flag=True, help="Make an ordinary account of it.")
def operator(data: Path, nick: str, off: bool) -> None:
    """Let the account NICK do everything everywhere."""
    with opened(data) as world:
        found = find_account(world, nick)
        accounts.set_flag(world, found, OPERATOR, on=not off)
    click.echo(escape(f"{found.nick} is {'no operator any more' if off else 'an operator now'}."))


@user.command("delete")
@DATA
@NICK
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(data: Path, nick: str, yes: bool) -> None:
    """Remove the password and the sessions of the account NICK for good; it leaves its rooms.

    What it said stays, and nobody else can have its nicks, so that nobody speaks in its name.
    """
    with opened(data) as world:
        found = find_account(world, nick)
        if not yes:
            click.confirm(escape(f"Delete {found.nick} for good?"), abort=True)
        accounts.delete(world, found, wall_milliseconds())
    click.echo(escape(f"{found.nick} is deleted."))


@user.command("list")
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_users(data: Path, as_json: bool) -> None:
    """List the accounts."""
    with opened(data) as world:
        rows = [_row(world, found) for found in world.users.values() if found.account is not None]
    for row in sorted(rows, key=lambda row: row.nick.casefold()):
        click.echo(msgspec.json.encode(row) if as_json else escape(_line(row)))


@user.command("invite")
@DATA
@click.option("--uses", type=click.IntRange(1, MAX_INVITE_USES), default=1, help="Accounts made by it.")
@click.option("--days", type=click.IntRange(1, MAX_INVITE_DAYS), default=7, help="Days that it serves.")
def invite(data: Path, uses: int, days: int) -> None:
    """Print the code of a new invitation to register."""
    with opened(data) as world:
        code = new_code(secrets.choice)
        invitations.invite(world, None, code, uses, days)
    click.echo(code)


class _Row(msgspec.Struct, omit_defaults=True):
    """An account, as it is listed."""

    nick: str
    password: bool
    sessions: int
    operator: bool = False
    disabled: bool = False
    deleted: bool = False
    invited_by: str = ""
    failed: int = 0


def _row(world: World, found: User) -> _Row:
    account = found.account
    if account is None:
        raise TypeError(found)
    by = world.users.get(account.invited_by)
    return _Row(
        found.nick,
        bool(account.password),
        len(found.sessions),
        found.operator,
        found.disabled,
        found.deleted,
        "" if by is None else by.nick,
        account.failed,
    )


def _line(row: _Row) -> str:
    words = [row.nick, f"{row.sessions} sessions"]
    words += [word for word, on in (("operator", row.operator), ("deleted", row.deleted)) if on]
    if row.disabled and not row.deleted:
        words.append("disabled")
    if not row.password and not row.deleted:
        words.append("no password")
    if row.invited_by:
        words.append(f"invited by {row.invited_by}")
    if row.failed:
        words.append(f"{row.failed} failed logins")
    return ", ".join(words)


def find_account(world: World, nick: str) -> User:
    """Return the account ``nick``. Raises `click.ClickException`."""
    found = accounts.find(world, nick)
    if found is None or found.deleted:
        raise click.ClickException(escape(f"There is no account {nick}; chatctl user list names them."))
    return found


def _check_guest(world: World, nick: str, *, wanted: bool) -> None:
    """Let nobody who took a nick first be given the account that it was meant for."""
    holder = world.nicks.get(check_nick(nick)[1])
    if holder is not None and not wanted:
        raise click.ClickException(
            escape(
                f"A guest has the nick {holder.nick}; --guest makes that guest the account, whoever it is."
            )
        )
    if holder is None and wanted:
        raise click.ClickException(escape(f"No guest has the nick {nick}; give the command without --guest."))


def _hash(nick: str, file: str | None, handle: int | None) -> str:
    """Read a password and return its hash; no folder may be open, as its lock would wait for who types."""
    password = read_password(f"Password of {nick}", file, handle, again=True)
    check_new(password)
    return OWASP.hash(prepare(password))
