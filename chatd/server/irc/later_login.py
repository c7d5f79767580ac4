"""Later login: AUTHENTICATE of a guest who is here already (ircv3.net, "SASL").

The guest stays who they are, with their nick and rooms; the account is shown beside that. What belongs to the
account, its rooms and its history, comes with the next connection.
"""

from chatd.server.irc.client import Client
from chatd.server.irc.rendering import account_name
from chatd.server.irc.sasl import Sasl


def later_login(client: Client) -> Sasl:
    """Return how ``client`` logs in."""

    def done() -> None:
        arrival, sasl.arrival = sasl.arrival, None
        if arrival is not None:  # its session is not needed
            server, network = client.connection.server, client.network
            server.hub.abandon(arrival.session, server.wall())
            network.proven[client.me] = account_name(arrival.session.user)
            network.tell_account(client)

    sasl = Sasl(client, lambda: client.nick, done)
    return sasl
