"""chatc register, login, logout, passwd, sessions, invite and delete-account."""

import dataclasses
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import succeed

from chatd.client.account import check_secret
from chatd.client.api import Client, open_client
from chatd.client.cli.mine import check_account, check_guest, deletion_lines
from chatd.client.cli.passwords import Dialogue
from chatd.client.cli.prompting import agrees, ask_unseen, check_terminal, unseen
from chatd.client.cli.reaching import await_server
from chatd.client.cli.running import Before, complain, run_client, watch_link
from chatd.client.cli.stdout import write_out
from chatd.client.cli.text import clean_line, session_lines
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Credentials
from chatd.client.values import Options
from chatd.secret import SecretError, read_password
from chatd.wire.errors import Code
from chatd.wire.messages import SessionInfo

Main = Callable[..., Coroutine[Any, Any, int]]


class Secret(Struct, frozen=True):
    """Where a password comes from: a file, a descriptor, or else the terminal; ``text`` is what it is."""

    file: str | None = None
    handle: int | None = None
    text: str | None = None

    def __repr__(self) -> str:
        return "Secret(…)"

    def taken(self) -> "Secret":
        """Return it with what stands in the file or comes from the descriptor. Raises `ClientError`."""
        if self.file is None and self.handle is None:
            check_terminal()
            return self
        try:
            return replace(self, text=read_password("", self.file, self.handle))
        except SecretError as error:
            raise ClientError("no-password", str(error)) from None

    async def ask(self, reactor: Any, prompt: str) -> str:
        """Return the password, asked for if it has to be. Raises `ClientError`."""
        return await ask_unseen(reactor, prompt) if self.text is None else self.text


def run_login(options: Options, secret: Secret) -> int:
    """Begin a session of an account, which the profile keeps."""
    _kept(options)
    taken = secret.taken()
    if taken.text is None:
        return run_quietly(options, _done, _asking)
    return run_quietly(dataclasses.replace(options, credentials=Credentials(taken.text)), _login)


def run_login_by_certificate(options: Options) -> int:
    """Begin a session of an account by our certificate; the profile keeps it."""
    if options.cert is None:
        raise ClientError("bad-options", "Name your certificate before the command: --cert FILE --key FILE.")
    _check_kept(options)
    return run_quietly(options, _by_certificate)


def run_register(options: Options, secret: Secret, invite: str) -> int:
    """Make an account, of the guest that the profile knows or a new one."""
    _kept(options)
    return run_quietly(options, _register, partial(_registering, secret.taken(), invite))


def run_logout(options: Options, *, everywhere: bool) -> int:
    """End the session that the profile keeps."""
    return run_quietly(options, partial(_logout, everywhere))


def run_passwd(options: Options, secret: Secret, old: Secret) -> int:
    """Give the account another password."""
    _kept(options)
    return run_quietly(options, partial(_passwd, old.taken(), secret.taken()))


def run_delete(options: Options, secret: Secret, *, erase: bool, agreed: bool) -> int:
    """Delete the account; the person is asked first whether they want that, unless they have ``agreed``.

    Where our certificate opens the account, no password is asked for.
    """
    _kept(options)
    if not agreed:
        check_terminal("There is no terminal to ask whether you want that; say so with --yes.")
    certified = options.cert is not None and secret == Secret()
    return run_quietly(options, partial(_delete, None if certified else secret.taken(), erase, agreed))


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


def run_quietly(options: Options, main: Main, before: Before | None = None) -> int:
    """Run ``main``, and ``before`` it that, with a client that is told nothing of rooms."""
    options = dataclasses.replace(options, follow="listed", cursors={}, remember=False)
    return run_client(options, main, before=before)


def print_with(options: Options, main: Main) -> int:
    """Run ``main``, whose first argument is a list, and print what it has put there."""
    out: list[bytes] = []
    return run_quietly(options, partial(main, out)) or write_out(b"".join(out))


async def begin(client: Client, say: Callable[[str], None] = complain) -> None:
    """Connect, and let people know of trouble."""
    watch_link(client, verbose=False, say=say)
    client.start()
    await client.ready()


async def _asking(reactor: Any, options: Options) -> Options:
    """Log in, asked for the password once the server is known to be the one to trust.

    Whoever is logged in already is told that instead. Raises `ClientError`.
    """
    await await_server(reactor, options)
    await _check_newcomer(reactor, options)

    async def log_in(password: str) -> None:
        credentials = Credentials(password)
        client = open_client(reactor, dataclasses.replace(options, credentials=credentials))
        try:
            await _login(reactor, client)
        finally:
            await client.stop()

    with unseen():
        dialogue = Dialogue(partial(ask_unseen, reactor), complain, "chatc login")
        await dialogue.present(f"Password of {options.nick or 'your account'}", log_in)
    return options


async def _done(_: Any, __: Client) -> int:
    """Do nothing more: all was done before."""
    return 0


async def _check_newcomer(reactor: Any, options: Options) -> None:
    """Raise `ClientError` ``logged-in`` if the session that the profile keeps goes on at the server.

    One that the server knows no more claims nothing in its place: what would make an account, without a
    password, is always refused.
    """
    client = open_client(reactor, dataclasses.replace(options, credentials=Credentials("", True)))
    try:
        if client.account.kept:
            await begin(client)
            _welcomed(client)
    except ClientError as error:
        if error.code == "logged-in":
            raise
    finally:
        await client.stop()


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


async def _registering(secret: Secret, invite: str, reactor: Any, options: Options) -> Options:
    """Return the options with the password, asked for once the server would take us as an account."""
    if secret.text is None:
        client = open_client(reactor, dataclasses.replace(options, credentials=Credentials("", True, invite)))
        try:
            await begin(client)
            check_guest(client, "chatc passwd")
            await client.account.check_register(invite)
        except ClientError as error:
            if error.code != Code.BAD_PASSWORD:
                raise
        finally:
            await client.stop()
    password = secret.text
    if password is None:
        with unseen():
            dialogue = Dialogue(partial(ask_unseen, reactor), complain, "chatc register")
            password = await dialogue.new("Password for the new account", succeed)
    return dataclasses.replace(options, credentials=Credentials(password, True, invite))


async def _register(_: Any, client: Client) -> int:
    await begin(client)
    if client.resumed:
        check_guest(client, "chatc passwd")
        wish = client.options.credentials or Credentials("")
        await client.account.register(wish.password, wish.invite)
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


async def _passwd(old: Secret, new: Secret, reactor: Any, client: Client) -> int:
    await begin(client)
    check_account(client)
    dialogue = Dialogue(partial(ask_unseen, reactor), complain, "chatc passwd")
    with unseen() if None in {old.text, new.text} else nullcontext():
        before = old.text
        if before is None:
            prompt = "Present password (Enter if none)"
            before = await dialogue.present(prompt, client.account.check_passwd)
        change = partial(client.account.passwd, old=before)
        await (dialogue.new("New password", change) if new.text is None else change(new.text))
    complain(f"{client.nickname} has another password now; all sessions go on")
    return 0


async def _delete(secret: Secret | None, erase: bool, agreed: bool, reactor: Any, client: Client) -> int:
    ending = False

    def say(text: str) -> None:
        if not ending:  # the link ends with the account, as was wanted
            complain(text)

    await begin(client, say)
    check_account(client)
    for line in () if agreed else deletion_lines(client, erase=erase):
        complain(line)
    if not (agreed or await agrees(reactor, "chatc: Delete it?")):
        complain("nothing is deleted")
        return 1
    nick = client.nickname

    async def delete(password: str) -> None:
        nonlocal ending
        ending = True
        try:
            await client.account.delete(password, erase=erase)
        except BaseException:
            ending = False
            raise

    password = "" if secret is None else secret.text
    if password is not None:
        await delete(password)
    else:
        with unseen():
            dialogue = Dialogue(partial(ask_unseen, reactor), complain, "chatc delete-account")
            await dialogue.present(f"Password of {nick}", delete)
    complain(f"the account {nick} is deleted{'; what it has said is being erased' if erase else ''}")
    return 0


async def _sessions(end: int | None, as_json: bool, out: list[bytes], _: Any, client: Client) -> int:
    await begin(client)
    if end is not None:
        await client.account.end_session(end)
        return 0
    rows = await client.account.sessions()
    out += map(_json_line, rows) if as_json else (f"{line}\n".encode() for line in session_lines(rows))
    return 0


async def _invite(uses: int, days: int, out: list[bytes], _: Any, client: Client) -> int:
    await begin(client)
    out.append(f"{clean_line(await client.account.invite(uses, days))}\n".encode())
    return 0


def _json_line(row: SessionInfo) -> bytes:
    return msgspec.json.encode(row) + b"\n"
