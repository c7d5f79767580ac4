"""The interactive client: chatc without a command."""

from chatd.client.api import Client
from chatd.client.cli import terminal
from chatd.client.cli.console import Pacing, Reactor
from chatd.client.cli.conversation import Conversation
from chatd.client.cli.hearing import Hearing
from chatd.client.cli.line_console import LineConsole
from chatd.client.cli.plain_console import PlainConsole
from chatd.client.cli.running import run_client
from chatd.client.values import Options


def run(options: Options) -> int:
    """Talk until the user or the input ends it; return the exit status."""
    return run_client(options, converse)


async def converse(reactor: Reactor, client: Client) -> int:
    """Talk through standard input and output; return the exit status."""
    conversation = Conversation(reactor, client)
    kind = LineConsole if terminal.is_usable() else PlainConsole
    console = kind(reactor, conversation, Pacing(client))
    hearing = Hearing(conversation, reactor)
    unsubscribe = client.subscribe(hearing.heard)
    conversation.begin(console)
    try:
        client.start()
        return await conversation.over
    finally:
        unsubscribe()
        hearing.finish()
        conversation.finish()
