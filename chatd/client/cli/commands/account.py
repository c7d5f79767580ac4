"""The commands about our own account."""

from typing import Final

import click

from chatd.client.cli.commands.options import AS_JSON, options_of, with_password
from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES


@click.command()
@with_password
@click.option("--invite", metavar="CODE", default="", help="The code of an invitation, if one is needed.")
@click.pass_context
def register(context: click.Context, password_file: str | None, password_fd: int | None, invite: str) -> None:
    """Become an account: a nick that is yours for good, on all your devices."""
    from chatd.client.cli.account import Secret, run_register  # noqa: PLC0415

    context.exit(run_register(options_of(context), Secret(password_file, password_fd), invite))


@click.command()
@with_password
@click.option("--with-certificate", is_flag=True, help="By the certificate of --cert, without a password.")
@click.pass_context
def login(
    context: click.Context, password_file: str | None, password_fd: int | None, with_certificate: bool
) -> None:
    """Log in to the account that --nick names; the profile keeps the session."""
    from chatd.client.cli.account import Secret, run_login, run_login_by_certificate  # noqa: PLC0415

    if with_certificate:
        context.exit(run_login_by_certificate(options_of(context)))
    context.exit(run_login(options_of(context), Secret(password_file, password_fd)))


@click.command()
@click.option("--everywhere", is_flag=True, help="On all your devices.")
@click.pass_context
def logout(context: click.Context, everywhere: bool) -> None:
    """End the session that the profile keeps."""
    from chatd.client.cli.account import run_logout  # noqa: PLC0415

    context.exit(run_logout(options_of(context), everywhere=everywhere))


@click.command()
@with_password
@click.option("--old-password-file", metavar="FILE", help="The same for the present password.")
@click.option("--old-password-fd", type=int, metavar="N", help="The same for the present password.")
@click.pass_context
def passwd(
    context: click.Context,
    password_file: str | None,
    password_fd: int | None,
    old_password_file: str | None,
    old_password_fd: int | None,
) -> None:
    """Give your account another password."""
    from chatd.client.cli.account import Secret, run_passwd  # noqa: PLC0415

    old = Secret(old_password_file, old_password_fd)
    context.exit(run_passwd(options_of(context), Secret(password_file, password_fd), old))


@click.command()
@click.option("--end", type=click.IntRange(min=1), metavar="N", help="End the session with this number.")
@AS_JSON
@click.pass_context
def sessions(context: click.Context, end: int | None, as_json: bool) -> None:
    """List your sessions: number, last seen, the device's name, address and client."""
    from chatd.client.cli.account import run_sessions  # noqa: PLC0415

    context.exit(run_sessions(options_of(context), end, as_json=as_json))


@click.command("delete-account")
@click.option("--erase", is_flag=True, help="Erase all that you have said as well, in all rooms.")
@click.option("--yes", "agreed", is_flag=True, help="Do not ask whether you want that.")
@with_password
@click.pass_context
def delete_account(
    context: click.Context, erase: bool, agreed: bool, password_file: str | None, password_fd: int | None
) -> None:
    """Delete your account for good; its nicks are nobody's any more."""
    from chatd.client.cli.account import Secret, run_delete  # noqa: PLC0415

    secret = Secret(password_file, password_fd)
    context.exit(run_delete(options_of(context), secret, erase=erase, agreed=agreed))


@click.command()
@click.option(
    "--uses",
    type=click.IntRange(1, MAX_INVITE_USES),
    default=1,
    show_default=True,
    help="Accounts made by it.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_INVITE_DAYS),
    default=7,
    show_default=True,
    help="Days that it serves.",
)
@click.pass_context
def invite(context: click.Context, uses: int, days: int) -> None:
    """Print a code by which others can register."""
    from chatd.client.cli.account import run_invite  # noqa: PLC0415

    context.exit(run_invite(options_of(context), uses, days))


COMMANDS: Final = (register, login, logout, passwd, sessions, delete_account, invite)
