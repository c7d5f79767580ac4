"""Completion: what a word may end with, given the commands, the rooms and the people that are known."""

from chatd.client.api import Client
from chatd.client.cli import slash
from chatd.client.cli.nicks import Nicks
from chatd.client.cli.terminal.completing import Offer, complete_path, last_word
from chatd.wire.names import fold


def complete(before: str, client: Client, nicks: Nicks) -> Offer:
    """Offer what ``before``, the line in front of the cursor, may end with."""
    path = complete_path(before)
    if path is not None:
        return path
    word = last_word(before)
    return Offer(word, _words(word, word == before, client, nicks))


def _words(word: str, first: bool, client: Client, nicks: Nicks) -> list[str]:
    """Return commands, rooms or nicks that begin like ``word``."""
    if word.startswith("/"):
        return [f"/{name} " for name in slash.COMMANDS if first and name.startswith(word[1:])]
    if word.startswith("#"):
        names = [known.name for known in client.followed()]
        return [f"{name} " for name in names if fold(name).startswith(fold(word))]
    if word.startswith("@"):
        return [f"@{nick} " for nick in nicks.beginning(word[1:])]
    return [f"{nick}{': ' if first else ' '}" for nick in nicks.beginning(word)]
