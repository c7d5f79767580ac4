"""Consoles: what the session speaks through, whether people sit at a terminal or programs at pipes."""

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from chatd.client.api import Client
from chatd.client.cli.terminal.completing import Offer


class Talker(Protocol):
    """Who hears what is typed, and knows what the bottom of the screen says."""

    def line(self, text: str) -> None:
        """Take in one line."""

    def typing(self, text: str) -> None:
        """Note that a person types a line, which is ``text`` so far."""

    def unusable(self, why: str) -> None:
        """Note that a line could not be taken in, and why."""

    def ended(self) -> None:
        """Note that there will be no more lines."""

    def lost(self) -> None:
        """Note that nothing can be shown any more."""

    def interrupt(self) -> None:
        """Note that the user wants to be away now."""

    def switch(self, number: int) -> None:
        """Talk in the room of that number from now on."""

    def complete(self, before: str) -> Offer:
        """Offer what ``before``, the line in front of the cursor, may end with."""

    def prompt(self, columns: int) -> str:
        """Return what stands before the line, in so many ``columns`` if possible."""

    def waiting_rows(self) -> tuple[str, ...]:
        """Return what stands above the prompt until it is sent."""

    def busy(self) -> bool:
        """Return whether so much waits that no more should be read from a program."""


class Console(Protocol):
    """Where lines come from and text goes to."""

    interactive: bool

    def open(self) -> None:
        """Begin."""

    def listen(self) -> None:
        """Take in lines, now that it is known where we stand."""

    def show(self, text: str, nick: str = "", *, loud: bool = False, number: int = 0) -> None:
        """Show one or more lines of the conversation; ``nick`` is who said them, ``loud`` ones stand out.

        The ``number`` in the first of them, if it has one, is faint.
        """

    def ring(self) -> None:
        """Ring a bell, if there is one."""

    def note(self, text: str) -> None:
        """Show what chatc itself has to say."""

    def ask_secret(self, prompt: str) -> Deferred[str]:
        """Return what is typed behind ``prompt`` without being shown.

        It fails with `ClientError` where nobody can type unseen, or nothing was given. What is typed behind
        that stays unseen, for the next of these, until `end_secrets`.
        """

    def end_secrets(self) -> None:
        """Let what is typed be seen again; what was typed too early is forgotten."""

    def refresh(self) -> None:
        """Show the prompt and what waits as they are now."""

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires once all is written."""

    def close(self) -> None:
        """End; what stands on the screen stays."""


@implementer(IPushProducer)
class Pacing:
    """Reads from the server only as fast as the console shows it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def pauseProducing(self) -> None:
        """Leave on the wire what comes."""
        self._client.pause_reading()

    def resumeProducing(self) -> None:
        """Take it in again."""
        self._client.resume_reading()

    def stopProducing(self) -> None:
        """Take it in again: nobody looks, but the client goes on."""
        self._client.resume_reading()


def encoded(text: str) -> bytes:
    """Return the bytes that show ``text``."""
    return text.encode("utf-8", "replace")


Reactor = Any
"""A reactor with descriptors and time; Twisted has no one interface for both."""
