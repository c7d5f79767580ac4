"""Services: NickServ, for those who are used to it. It registers, as REGISTER does elsewhere."""

from chatd.server.irc.client import Client
from chatd.server.irc.names import fold, nuh
from chatd.wire.irc import encode
from chatd.wire.messages import Error, Ok, Register

NICKSERV = "NickServ"


def is_service(target: str) -> bool:
    """Return whether ``target`` is no user but a part of the server."""
    return fold(target) == fold(NICKSERV)


def hear(client: Client, target: str, text: str) -> None:
    """Do what a service is asked for."""
    del target
    command, *words = text.split()
    if command.upper() == "REGISTER" and words:
        _register(client, words[0])
    elif command.upper() == "IDENTIFY":
        _say(client, "Log in by SASL, or by PASS, when you connect; nobody becomes another later.")
    else:
        _say(client, "REGISTER <password> makes an account of your nick.")


def _register(client: Client, password: str) -> None:
    reply = client.detach()

    def registered(answer: Ok | Error) -> None:
        before, client.reply = client.reply, reply
        if isinstance(answer, Error):
            _say(client, answer.text)
        else:
            _say(client, f"Account created: {client.nick} is yours now, by its password.")
            line = encode(nuh(client.nick), "ACCOUNT", client.nick)
            client.network.tell_peers(client.me, "account-notify", line)
            client.network.tell_watchers(client.me, "account-notify", line)
        client.finish()
        client.reply = before

    client.ask_then(lambda id_: Register(id=id_, password=password), 64, registered)


def _say(client: Client, text: str) -> None:
    client.say(encode(nuh(NICKSERV), "NOTICE", client.nick, text))
