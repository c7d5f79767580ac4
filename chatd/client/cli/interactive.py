"""The interactive client: chatc without a command."""

from dataclasses import replace
from functools import partial

from chatd.client.api import Client
from chatd.client.cli.console import Console, Pacing, Reactor
from chatd.client.cli.conversation import Conversation
from chatd.client.cli.hearing import Hearing
from chatd.client.cli.line_console import LineConsole
from chatd.client.cli.plain_console import PlainConsole
from chatd.client.cli.running import run_client
from chatd.client.cli.settings import Settings
from chatd.client.cli.terminal import modes as terminal
from chatd.client.values import Options


def run(options: Options, settings: Settings, *, strip: bool = False) -> int:
    """Talk until the user or the input ends it; return the exit status.

    Who types is told, and heard, only at a terminal. ``strip`` takes out of the lines of a program what only
    a terminal understands.
    """
    options = replace(options, typing=options.typing and terminal.is_usable())
    return run_client(options, partial(converse, settings=settings, strip=strip))


async def converse(reactor: Reactor, client: Client, *, settings: Settings, strip: bool = False) -> int:
    """Talk through standard input and output; return the exit status."""
    conversation = Conversation(reactor, client)
    console: Console
    if terminal.is_usable():
        console = LineConsole(reactor, conversation, Pacing(client))
    else:
        console = PlainConsole(reactor, conversation, Pacing(client), strip=strip)
    hearing = Hearing(conversation, reactor, settings)
    unsubscribe = client.subscribe(hearing.heard)
    conversation.begin(console)
    try:
        client.start()
        return await conversation.over
    finally:
        unsubscribe()
        marked = hearing.finish()
        conversation.finish()
        await marked  # the server does nothing that stands right before a goodbye
