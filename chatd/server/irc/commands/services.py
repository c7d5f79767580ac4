"""Services: NickServ, for those who are used to it. It registers, as REGISTER does elsewhere."""

from typing import Final

from chatd.server.irc.client import Client
from chatd.server.irc.names import fold, nuh
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.registration import Registration
from chatd.wire.errors import Code
from chatd.wire.irc import Line, encode
from chatd.wire.messages import Error, Ok, Register

NICKSERV: Final = "NickServ"


def is_service(target: str) -> bool:
    """Return whether ``target`` is no user but a part of the server."""
    return fold(target) == fold(NICKSERV)


def nickserv(client: Client, line: Line) -> None:
    """Speak to NickServ, as many clients shorten it."""
    hear(client, " ".join(line.params))


def hear(client: Client, text: str) -> None:
    """Do what a service is asked for."""
    client.connection.input.gate.charge(1)
    command, *words = text.split() or [""]
    if command.upper() == "REGISTER" and words:
        _register(client, words[0])
    elif command.upper() == "IDENTIFY":
        _say(client, "Log in by SASL, or by PASS, when you connect; nobody becomes another later.")
    else:
        _say(client, "REGISTER <password> makes an account of your nick.")


def _register(client: Client, password: str) -> None:
    reply = client.detach()

    def registered(answer: Ok | Error) -> None:
        with client.resume(reply):
            if isinstance(answer, Error):
                _say(client, answer.text)
            else:
                _say(client, "Account created")
                _say(client, f"{client.nick} is yours now, by its password.")
                client.network.tell_account(client)

    client.questions.put(lambda id_: Register(id=id_, password=password), 64, registered)


async def register(client: Client, line: Line) -> None:
    """Make an account of the nick (ircv3.net, "account-registration"); nobody is asked for an address."""
    account, _, password = line.params[:3]
    registration = client.registration
    if registration is not None and not client.network.config.early_register:
        text = "Finish the registration of the connection first."
        client.fail("REGISTER", "COMPLETE_CONNECTION_REQUIRED", account, text=text)
    elif registration is not None:
        await _register_early(client, registration, account, password)
    elif client.me.account is not None:
        client.fail("REGISTER", "ALREADY_AUTHENTICATED", account, text="You have an account already.")
    elif account != "*" and fold(account) != fold(client.nick):
        client.fail(
            "REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", account, text="An account is called as its nick."
        )
    else:
        try:
            await client.questions.ask(lambda id_: Register(id=id_, password=password))
        except RefusedError as error:
            code = _CODES.get(error.code, "TEMPORARILY_UNAVAILABLE")
            client.fail("REGISTER", code, account, text=error.text)
        else:
            client.tell("REGISTER", "SUCCESS", client.nick, f"{client.nick} is your account now.")
            client.network.tell_account(client)


async def _register_early(client: Client, registration: Registration, account: str, password: str) -> None:
    """Make an account of the nick that is wished for; the connection comes in as that."""
    nick = registration.wish or registration.refused
    if not nick:
        client.fail("REGISTER", "NEED_NICK", account, text="Say by NICK how the account is to be called.")
    elif account != "*" and fold(account) != fold(nick):
        client.fail(
            "REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", account, text="An account is called as its nick."
        )
    elif not registration.wish or client.network.user_called(nick) is not None:
        client.fail("REGISTER", "ACCOUNT_EXISTS", account, text=f"{nick} is somebody else's.")
    elif registration.sasl.arrival is not None:
        client.fail("REGISTER", "ALREADY_AUTHENTICATED", account, text="You have an account already.")
    else:
        refusal = await registration.register(nick, password)
        if refusal is None:
            client.tell("REGISTER", "SUCCESS", nick, f"{nick} is your account now.")
        else:
            code = _CODES.get(refusal.code, "TEMPORARILY_UNAVAILABLE")
            client.fail("REGISTER", code, account, text=refusal.text)
        registration.go_on()


_CODES: Final[dict[str, str]] = {
    Code.BAD_PASSWORD: "WEAK_PASSWORD",
    Code.NICK_TAKEN: "ACCOUNT_EXISTS",
    Code.WRONG_PASSWORD: "ACCOUNT_EXISTS",
}


def _say(client: Client, text: str) -> None:
    client.say(encode(nuh(NICKSERV), "NOTICE", client.nick, text))
