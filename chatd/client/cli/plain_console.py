"""The console of pipes, files and plain terminals: lines in, lines out, and no escape sequences at all."""

from typing import Final

from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.interfaces import IPushProducer

from chatd.client.cli.console import Reactor, Talker, encoded
from chatd.client.cli.plain import plain
from chatd.client.cli.terminal.descriptors import Input, Output
from chatd.client.cli.terminal.lines import LineCutter
from chatd.client.core.problems import ClientError

PATIENCE: Final = 1.0
"""Seconds for which a reader that takes nothing is waited for at the end."""


class PlainConsole:
    """Takes lines from standard input; shows the conversation on standard output, notes on standard error."""

    interactive = False

    def __init__(
        self, reactor: Reactor, talker: Talker, pacing: IPushProducer, *, strip: bool = False
    ) -> None:
        self._talker = talker
        self._strip = strip
        self._input = Input(reactor, 0, self._received, self._ended)
        self._output = Output(reactor, 1, talker.lost)
        self._errors = Output(reactor, 2)
        self._output.registerProducer(pacing, streaming=True)
        self._lines = LineCutter()
        self._open = False
        self._held = False
        self._listening = False

    def open(self) -> None:
        """Begin to show; the input waits until it is known what rooms there are, or that none can be had."""
        self._open = True

    def listen(self) -> None:
        """Begin to read."""
        if not self._listening:
            self._listening = True
            self._input.resume()

    def show(self, text: str, nick: str = "", *, loud: bool = False, number: int = 0) -> None:  # noqa: ARG002 - told by colour
        """Write lines to standard output."""
        self._output.write(encoded(text + "\n"))

    def ring(self) -> None:
        """Do nothing: no bell is heard through a pipe."""

    def note(self, text: str) -> None:
        """Write lines to standard error."""
        self._errors.write(encoded(text + "\n"))

    def ask_secret(self, prompt: str) -> Deferred[str]:
        """Ask for nothing: what comes from a pipe, or echoes, is no secret."""
        del prompt
        return fail(
            ClientError(
                "no-password",
                "A password is asked for in a conversation at a terminal alone; use chatc register, login or"
                " passwd with --password-file.",
            )
        )

    def end_secrets(self) -> None:
        """Do nothing: none was asked for."""

    def refresh(self) -> None:
        """Read on once enough of what was read is sent."""
        if self._held and self._open and not self._talker.busy():
            self._held = False
            self._input.resume()

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires once all is written."""
        both = gatherResults([self._output.drained(), self._errors.drained()])
        return both.addCallback(lambda _: None)

    def close(self) -> None:
        """Write what is left, and be done."""
        if not self._open:
            return
        self._open = False
        self._input.close()
        self._output.unregisterProducer()
        for output in (self._output, self._errors):
            output.write_now(b"", PATIENCE)
            output.close()

    # ---- lines --------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._take(line)
        if self._talker.busy() and self._open:
            self._held = True
            self._input.pause()

    def _take(self, line: bytes) -> None:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._talker.unusable("A line was not sent: it is not UTF-8; check the encoding of the input.")
        else:
            self._talker.line(plain(text) if self._strip else text)

    def _ended(self) -> None:
        for line in self._lines.end():
            self._take(line)
        self._talker.ended()
