"""chatc register, login, logout, passwd, sessions, invite: what people do about their accounts."""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from chatd.client.account import check_secret
from chatd.client.api import Client
from chatd.client.cli.running import complain, run_client, watch_link
from chatd.client.cli.stdout import write_out
from chatd.client.cli.text import clean_line, session_line
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Credentials
from chatd.client.values import Options
from chatd.secret import SecretError, read_password
from chatd.wire.messages import SessionInfo

Main = Callable[..., Coroutine[Any, Any, int]]


class Secret(Struct, frozen=True):
    """Where a password comes from: a file, an open descriptor, or else the terminal."""

    file: str | None = None
    handle: int | None = None

    def read(self, prompt: str, *, again: bool = False) -> str:
        """Return the password. Raises `ClientError`."""
        try:
            return read_password(prompt, self.file, self.handle, again=again)
        except SecretError as error:
            raise ClientError("no-password", str(error)) from None
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            raise ClientError("no-password", "No password was given.") from None


def run_login(options: Options, secret: Secret) -> int:
    """Begin a session of an account, which the profile keeps."""
    _kept(options)
    password = secret.read(f"Password of {options.nick or 'your account'}")
    return run_quietly(replace(options, credentials=Credentials(password)), _login)


def run_login_by_certificate(options: Options) -> int:
    """Begin a session of an account by our certificate; the profile keeps it."""
    if options.cert is None:
        raise ClientError("bad-options", "Name your certificate before the command: --cert FILE --key FILE.")
    _check_kept(options)
    return run_quietly(options, _by_certificate)


def run_register(options: Options, secret: Secret, invite: str) -> int:
    """Make an account, of the guest that the profile knows or a new one."""
    _kept(options)
    password = secret.read("Password for the new account", again=True)
    credentials = Credentials(password, True, invite)
    return run_quietly(replace(options, credentials=credentials), partial(_register, password, invite))


def run_logout(options: Options, *, everywhere: bool) -> int:
    """End the session that the profile keeps."""
    return run_quietly(options, partial(_logout, everywhere))


def run_passwd(options: Options, secret: Secret, old: Secret) -> int:
    """Give the account another password."""
    _kept(options)
    before = old.read("Present password (nothing, if there is none yet)")
    password = secret.read("New password", again=True)
    return run_quietly(options, partial(_passwd, before, password))


def run_sessions(options: Options, end: int | None, *, as_json: bool) -> int:
    """List the sessions, or end one of them."""
    return print_with(options, partial(_sessions, end, as_json))


def run_invite(options: Options, uses: int, days: int) -> int:
    """Print the code of a new invitation."""
    return print_with(options, partial(_invite, uses, days))


def _kept(options: Options) -> None:
    """Raise `ClientError` where a password cannot be sent, before it is asked for."""
    check_secret(options)
    _check_kept(options)


def _check_kept(options: Options) -> None:
    if options.profile is None:
        raise ClientError(
            "bad-options", "--ephemeral keeps no session, so that a login would be lost with it."
        )


def run_quietly(options: Options, main: Main) -> int:
    """Run ``main`` with a client that is told nothing of rooms."""
    return run_client(replace(options, follow="listed", cursors={}, remember=False), main)


def print_with(options: Options, main: Main) -> int:
    """Run ``main``, whose first argument is a list, and print what it has put there."""
    out: list[bytes] = []
    return run_quietly(options, partial(main, out)) or write_out(b"".join(out))


async def begin(client: Client, say: Callable[[str], None] = complain) -> None:
    """Connect, and let people know of trouble."""
    watch_link(client, verbose=False, say=say)
    client.start()
    await client.ready()


async def _login(_: Any, client: Client) -> int:
    await begin(client)
    return _welcomed(client)


def _welcomed(client: Client) -> int:
    if client.resumed:
        what = "an account" if client.account.registered else "a guest"
        raise ClientError(
            "logged-in",
            f"This profile is {client.nickname} here already, {what}; log out first, or name another one.",
        )
    complain(f"logged in as {client.nickname}")
    return 0


async def _by_certificate(_: Any, client: Client) -> int:
    await begin(client)
    if client.account.registered or client.resumed:
        return _welcomed(client)
    nick = client.nickname
    await client.account.logout()  # as there is no such account, we came in as a guest of that name
    raise ClientError("no-account", f"There is no account {nick} here; name yours with --nick.")


async def _register(password: str, invite: str, _: Any, client: Client) -> int:
    await begin(client)
    if client.resumed:
        await client.account.register(password, invite)
    complain(f"{client.nickname} is an account now, and you are logged in")
    return 0


async def _logout(everywhere: bool, _: Any, client: Client) -> int:
    ending = False

    def say(text: str) -> None:
        if not ending:  # the link ends with the session, as was wanted
            complain(text)

    await begin(client, say)
    nick, ending = client.nickname, True
    await client.account.logout(everywhere=everywhere)
    complain(f"{nick} is logged out" + (" everywhere" if everywhere else ""))
    return 0


async def _passwd(old: str, password: str, _: Any, client: Client) -> int:
    await begin(client)
    await client.account.passwd(password, old)
    complain(f"{client.nickname} has another password now; all sessions go on")
    return 0


async def _sessions(end: int | None, as_json: bool, out: list[bytes], _: Any, client: Client) -> int:
    await begin(client)
    if end is not None:
        await client.account.end_session(end)
        return 0
    rows = await client.account.sessions()
    out += map(_json_line, rows) if as_json else (f"{session_line(row)}\n".encode() for row in rows)
    return 0


async def _invite(uses: int, days: int, out: list[bytes], _: Any, client: Client) -> int:
    await begin(client)
    out.append(f"{clean_line(await client.account.invite(uses, days))}\n".encode())
    return 0


def _json_line(row: SessionInfo) -> bytes:
    return msgspec.json.encode(row) + b"\n"
