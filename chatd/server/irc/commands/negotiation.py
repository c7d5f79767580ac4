"""CAP: what a client wants of what is offered (ircv3.net, "Capability Negotiation")."""

from typing import Final

from chatd.server.irc import metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.capabilities import VALUES, chunks, listed, wished
from chatd.server.irc.client import Client
from chatd.server.irc.sasl import mechanisms
from chatd.wire.irc import MAX_BODY, Line

DAY: Final = 86_400
"""Seconds of a day."""


def cap(client: Client, line: Line) -> None:
    """List, request, or end that."""
    if not line.params or not line.params[0]:
        client.numeric(n.NEEDMOREPARAMS, "CAP")
        return
    word = line.params[0].upper()
    rest = line.params[1] if len(line.params) > 1 else ""
    registration = client.registration
    if word == "LS":
        if registration is not None:
            registration.negotiating = True
        client.modern = client.modern or (rest.isdecimal() and int(rest[:4]) >= 302)  # noqa: PLR2004 - the version
        if client.modern:
            client.capabilities.add("cap-notify")
        _list(client, "LS", listed(_offers(client) | _policy(client), values=client.modern))
    elif word == "LIST":
        _list(client, "LIST", " ".join(sorted(client.capabilities)))
    elif word == "REQ":
        if registration is not None:
            registration.negotiating = True
        _request(client, rest)
    elif word == "END":
        if registration is not None:
            registration.negotiating = False
            registration.sasl.abort()
            registration.go_on()
    else:
        client.numeric(n.INVALIDCAPCMD, word)


def _offers(client: Client) -> dict[str, str]:
    """Return what is offered to ``client``, with the values."""
    ways = ",".join(mechanisms(client))
    lacking = set() if ways else {"sasl"}
    if client.world.terms.registration != "open":
        lacking.add("draft/account-registration")
    offers = {name: value for name, value in VALUES.items() if name not in lacking}
    if ways:
        offers["sasl"] = ways
    if client.network.config.early_register and "draft/account-registration" in offers:
        offers["draft/account-registration"] = "before-connect"
    return offers


def _policy(client: Client) -> dict[str, str]:
    """Return where TLS is spoken, and for how long to speak nothing else.

    It is told only, and never asked for (ircv3.net, "Strict Transport Security").
    """
    config = client.network.config
    if not (config.sts_port and client.modern):
        return {}
    if client.connection.tls:
        return {"sts": f"port={config.sts_port},duration={round(config.sts_days * DAY)}"}
    return {} if client.connection.listener.rules.secure else {"sts": f"port={config.sts_port}"}


def _list(client: Client, word: str, text: str) -> None:
    """Tell a list. Who takes one line of it alone gets the last one, which has what all clients know."""
    lines = chunks(text, _room(client, word))
    if client.modern:
        for line in lines[:-1]:
            client.tell("CAP", client.nick, word, "*", line)
    client.tell("CAP", client.nick, word, lines[-1])


def _answer(client: Client, word: str, text: str) -> None:
    """Repeat a request, in several lines if it does not fit into one with what stands before it."""
    most = _room(client, word)
    for line in [text] if len(text.encode()) <= most else chunks(text, most):
        client.tell("CAP", client.nick, word, line)


def _room(client: Client, word: str) -> int:
    return MAX_BODY - len(client.line("CAP", client.nick, word, "*", ""))


def _request(client: Client, text: str) -> None:
    wish = wished(text, _offers(client))
    if wish is None:
        _answer(client, "NAK", text)
        return
    on, off = wish
    _answer(client, "ACK", text)
    client.capabilities |= on
    client.capabilities -= off
    if not metadata.hears(client):
        client.subscriptions.clear()
    if client.registration is None:
        client.dialect.change()
