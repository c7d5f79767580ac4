"""The commands about our own account in a conversation: passwords are asked for unseen, where one types."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from chatd.client.account import check_secret
from chatd.client.api import Client
from chatd.client.cli.command import Command
from chatd.client.cli.passwords import Dialogue
from chatd.client.cli.showing import OFFLINE, counted
from chatd.client.cli.text import certificate_line, clean_line, session_lines
from chatd.client.core.problems import ClientError
from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES


class Talk(Protocol):
    """What these commands need of the session."""

    client: Client
    parting: bool

    def say(self, *lines: str) -> None:
        """Show what chatc itself has to say."""

    def answer(self, *lines: str) -> None:
        """Show what was asked for."""

    def ask_secret(self, prompt: str) -> Deferred[str]:
        """Return what is typed behind ``prompt`` without being shown."""

    def end_secrets(self) -> None:
        """Let what is typed be seen again."""


@contextmanager
def _dialogue(talk: Talk, command: str) -> Iterator[Dialogue]:
    """Give what asks for passwords; until the end of it nothing that is typed goes to a room."""
    try:
        yield Dialogue(talk.ask_secret, talk.say, command)
    finally:
        talk.end_secrets()


def _check_linked(client: Client) -> None:
    """Raise `ClientError` without a connection: a password would be held, and the prompt with it."""
    if client.status().state in OFFLINE:
        raise ClientError("offline", "It can be done when there is a connection.")


def check_guest(client: Client, passwd: str) -> None:
    """Raise `ClientError` if we are an account already, whose password the command ``passwd`` changes."""
    if client.account.registered:
        raise ClientError("usage", f"{client.nickname} is an account already; {passwd} changes its password.")


def check_account(client: Client) -> None:
    """Raise `ClientError` if we are a guest."""
    if not client.account.registered:
        raise ClientError("usage", "A guest has no account; register to have one.")


def deletion_lines(client: Client, *, erase: bool) -> list[str]:
    """Return what the deletion of our account means."""
    what = "all that you have said is erased, for everybody" if erase else "what you have said stays"
    nick, place = clean_line(client.nickname), clean_line(str(client.options.server))
    return [
        f"Your account {nick} at {place} is to be deleted for good.",
        f"On all your devices you are logged out, you leave your rooms, and {what}.",
        "Nobody can ever have its nicks again, not even you.",
    ]


async def _register(talk: Talk, argument: str) -> None:
    client = talk.client
    check_secret(client.options)
    check_guest(client, "/passwd")
    await client.account.check_register(argument)
    with _dialogue(talk, "/register") as dialogue:
        await dialogue.new("New password", lambda password: client.account.register(password, argument))
    talk.say(f"{clean_line(client.nickname)} is an account now, and this nick is yours for good.")


async def _passwd(talk: Talk, argument: str) -> None:
    if argument:
        raise COMMANDS["passwd"].misused()
    client = talk.client
    check_secret(client.options)
    check_account(client)
    _check_linked(client)
    with _dialogue(talk, "/passwd") as dialogue:
        old = await dialogue.present("Present password (Enter if none)", client.account.check_passwd)
        await dialogue.new("New password", lambda password: client.account.passwd(password, old))
    talk.say(f"{clean_line(client.nickname)} has another password now; all sessions go on.")


async def _sessions(talk: Talk, argument: str) -> None:
    account, (verb, *numbers) = talk.client.account, argument.split() or [""]
    if verb == "end" and len(numbers) == 1 and numbers[0].isascii() and numbers[0].isdecimal():
        await account.end_session(int(numbers[0]))
        talk.say(f"Session {numbers[0]} is ended.")
    elif verb:
        raise COMMANDS["sessions"].misused()
    else:
        talk.answer(*session_lines(await account.sessions()))


async def _certificates(talk: Talk, argument: str) -> None:
    from chatd.fingerprint import read  # noqa: PLC0415 - it imports what plain links do without

    account, (verb, *prints) = talk.client.account, argument.split() or [""]
    if verb == "add" and len(prints) <= 1:
        shown = read(prints[0]) if prints else ""
        if shown is None:
            raise ClientError("usage", f"{clean_line(prints[0])} is no fingerprint.")
        await account.add_certificate(shown)
        talk.say(f"That certificate opens the account {clean_line(talk.client.nickname)} now.")
    elif verb == "remove" and len(prints) == 1:
        await account.drop_certificate(read(prints[0]) or prints[0])
        talk.say("That certificate opens the account no more; sessions go on.")
    elif verb:
        raise COMMANDS["certificates"].misused()
    else:
        rows = [certificate_line(row) for row in await account.certificates()]
        talk.answer(*(rows or ["No certificate opens this account."]))


async def _code(talk: Talk, argument: str) -> None:
    numbers = argument.split()
    if len(numbers) > 2 or not all(number.isascii() and number.isdecimal() for number in numbers):  # noqa: PLR2004
        raise COMMANDS["code"].misused()
    uses, days = (*map(int, numbers), *(1, 7)[len(numbers) :])
    if not (1 <= uses <= MAX_INVITE_USES and 1 <= days <= MAX_INVITE_DAYS):
        raise ClientError(
            "usage", f"A code serves {MAX_INVITE_USES} times and {MAX_INVITE_DAYS} days at the most."
        )
    code = await talk.client.account.invite(uses, days)
    term = f"{counted(uses, 'time')}, within {counted(days, 'day')}"
    talk.answer(f"{clean_line(code)} lets others register: {term}.")


async def _logout(talk: Talk, argument: str) -> None:
    if argument not in {"", "everywhere"}:
        raise COMMANDS["logout"].misused()
    talk.parting = True  # the end that comes of it is wanted
    try:
        await talk.client.account.logout(everywhere=bool(argument))
    except BaseException:
        talk.parting = False
        raise


async def _delete_account(talk: Talk, argument: str) -> None:
    if argument not in {"", "erase"}:
        raise COMMANDS["delete-account"].misused()
    client = talk.client
    check_secret(client.options)
    check_account(client)
    _check_linked(client)
    talk.say(*deletion_lines(client, erase=bool(argument)), "Ctrl-C leaves everything as it is.")

    async def delete(password: str) -> None:
        talk.parting = True  # the end that comes of it is wanted
        try:
            await client.account.delete(password, erase=bool(argument))
        except BaseException:
            talk.parting = False
            raise

    with _dialogue(talk, f"/delete-account {argument}".rstrip()) as dialogue:
        await dialogue.present("Password, to delete it for good", delete)


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "register": Command(
        "/register [code]",
        "become an account; the password is asked for, the code only where one is needed",
        _register,
        changes=True,
    ),
    "passwd": Command("/passwd", "change your password, which is asked for", _passwd, changes=True),
    "sessions": Command("/sessions [end number]", "list your sessions, or end one", _sessions),
    "certificates": Command(
        "/certificates [add or remove]",
        "list what opens your account, add the one you show, remove one",
        _certificates,
    ),
    "code": Command("/code [uses [days]]", "make a code by which others can register", _code),
    "logout": Command(
        "/logout [everywhere]", "end this session for good, or all of yours, and chatc", _logout, changes=True
    ),
    "delete-account": Command(
        "/delete-account [erase]",
        "delete your account for good, and maybe all that it has said",
        _delete_account,
        changes=True,
    ),
}
