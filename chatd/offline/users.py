"""chatctl user: accounts, as the operator makes and ends them, in a running daemon or in its data folder."""

import secrets
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import click
import msgspec
from msgspec import Struct

from chatd.chat.accounts import keys_of
from chatd.chat.storage import StoreError
from chatd.clock import wall_milliseconds
from chatd.control import messages as m
from chatd.control.cli.asking import Answer, AskError, Exit
from chatd.control.messages import RefusedError
from chatd.control.rows import UserRow
from chatd.control.users import Outcome, perform
from chatd.offline.folder import PATIENCE, opened
from chatd.ops.words import counted, escape
from chatd.secret import SecretError, read_password
from chatd.server.passwords import OWASP
from chatd.store.archive import FILE_NAME, Archive
from chatd.wire import scram
from chatd.wire.errors import ChatdError
from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES
from chatd.wire.passwords import check_new, prepare

F = TypeVar("F", bound=Callable[..., Any])

DATA = click.argument("data", type=click.Path(readable=False, path_type=Path))
"""A member of the group that [control] names may go through the folder, but not list it."""

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
        return told(super().invoke, ctx)


def told(invoke: Callable[[click.Context], Any], ctx: click.Context) -> Any:
    """Return what ``invoke`` does; what goes wrong becomes one sentence."""
    try:
        return invoke(ctx)
    except (StoreError, SecretError) as error:
        sentence = str(error)
    except (ChatdError, RefusedError) as error:
        sentence = error.text
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        sentence = f"That is not possible: {where}{error.strerror or error}."
    raise AskError(Exit.REFUSED, sentence)


def do(data: Path, asked: m.AskedUser, kind: type[Struct] = UserRow) -> Outcome:
    """Have it done by the daemon that uses the folder ``data``; where none does, do it there.

    Rows are of that ``kind``.
    """
    try:
        answer = Answer(data, asked)
        rows = [msgspec.json.decode(row, type=kind) for row in answer]
    except AskError as error:
        if error.exit_code != Exit.NO_DAEMON:
            raise
    else:
        return Outcome(answer.text, rows, answer.note)
    with opened(data) as world:
        outcome = perform(world, asked, wall_milliseconds())
        outcome = outcome._replace(rows=list(outcome.rows))
        gone = {key for user in world.batch.deleted for key in keys_of(user)}
    if gone and (data / FILE_NAME).exists():
        _forget(data, gone)
    return outcome


def _forget(data: Path, keys: set[str]) -> None:
    """Keep no connection of the nicks of these ``keys``."""
    failures: list[str] = []
    archive = Archive(data, wall_milliseconds, lambda done, *given: done(*given), failures.append)
    archive.forget(keys)
    answers: SimpleQueue[list[bytes]] = SimpleQueue()
    archive.find("key", "", answers.put)  # it is answered once the others are done
    try:
        answers.get(timeout=PATIENCE)
    except Empty:
        failures.append("its disk does not answer")
    archive.close()
    if failures:
        raise StoreError(
            f"The account is deleted, but not its connections in {data / FILE_NAME} ({failures[0]});"
            " remove that file."
        )


def tell(data: Path, asked: m.AskedUser) -> None:
    """Have it done, and say so."""
    outcome = do(data, asked)
    click.echo(escape(outcome.text))
    if outcome.note:
        click.echo(escape(outcome.note), err=True)


@click.group("user", cls=Group)
def user() -> None:
    """Make and end accounts in the data folder DATA, by the daemon that uses it if one does."""


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
    encoded, verifier = ("", "") if no_password else _made(nick, password_file, password_fd)
    tell(data, m.AskUserAdd(nick=nick, password=encoded, scram=verifier, operator=operator, guest=guest))


@user.command("passwd")
@DATA
@NICK
@click.option("--end-sessions", is_flag=True, help="Let all devices log in again.")
@with_password
def passwd(
    data: Path, nick: str, end_sessions: bool, password_file: str | None, password_fd: int | None
) -> None:
    """Set the password of the account NICK."""
    encoded, verifier = _made(nick, password_file, password_fd)
    tell(data, m.AskUserPasswd(nick=nick, password=encoded, scram=verifier, end_sessions=end_sessions))


@user.command("disable")
@DATA
@NICK
def disable(data: Path, nick: str) -> None:
    """Let nobody use the account NICK, and end its sessions. It keeps its nicks and rooms."""
    tell(data, m.AskUserDisable(nick=nick))


@user.command("enable")
@DATA
@NICK
def enable(data: Path, nick: str) -> None:
    """Let the account NICK be used again."""
    tell(data, m.AskUserEnable(nick=nick))


@user.command("operator")
@DATA
@NICK
@click.option("--off", is_flag=True, help="Make an ordinary account of it.")
def operator(data: Path, nick: str, off: bool) -> None:
    """Let the account NICK do everything everywhere."""
    tell(data, m.AskUserOperator(nick=nick, off=off))


@user.command("delete")
@DATA
@NICK
@click.option("--erase", is_flag=True, help="Erase all that it has said, too, in all rooms.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(data: Path, nick: str, erase: bool, yes: bool) -> None:
    """Remove the password and the sessions of the account NICK for good; it leaves its rooms.

    What it said stays unless it is erased. Nobody else can have its nicks, so that nobody speaks in its name.
    """
    if not yes:
        found = do(data, m.AskUserFind(nick=nick)).text
        more = ", with all that it has said" if erase else ""
        click.confirm(escape(f"Delete {found}{more} for good?"), abort=True)
    tell(data, m.AskUserDelete(nick=nick, erase=erase))


@user.command("list")
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_users(data: Path, as_json: bool) -> None:
    """List the accounts."""
    rows = do(data, m.AskUserList()).rows
    for row in rows:
        click.echo(msgspec.json.encode(row) if as_json else escape(_line(row)))
    if not rows and not as_json:
        click.echo("There is no account.", err=True)


@user.command("invite")
@DATA
@click.option("--uses", type=click.IntRange(1, MAX_INVITE_USES), default=1, help="Accounts made by it.")
@click.option("--days", type=click.IntRange(1, MAX_INVITE_DAYS), default=7, help="Days that it serves.")
def invite(data: Path, uses: int, days: int) -> None:
    """Print the code of a new invitation to register."""
    tell(data, m.AskUserInvite(uses=uses, days=days))


def _line(row: UserRow) -> str:
    words = [row.nick, counted(row.sessions, "session")]
    words += [word for word, on in (("operator", row.operator), ("deleted", row.deleted)) if on]
    if row.disabled and not row.deleted:
        words.append("disabled")
    if not row.password and not row.deleted:
        words.append("no password")
    if row.invited_by:
        words.append(f"invited by {row.invited_by}")
    if row.failed:
        words.append(counted(row.failed, "failed login"))
    return ", ".join(words)


def _made(nick: str, file: str | None, handle: int | None) -> tuple[str, str]:
    """Read a password and return its hash, and what it is verified by over SCRAM.

    No folder may be open, as its lock would wait for who types.
    """
    password = read_password(f"Password of {nick}", file, handle, again=True)
    check_new(password)
    return OWASP.hash(prepare(password)), scram.make(password, secrets.token_bytes(scram.SALT)).encode()
