"""The console of a terminal: a line with an editor at the bottom, the conversation scrolling by above it."""

from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer

from chatd.client.cli.colours import decorated, palette
from chatd.client.cli.console import Reactor, Talker, encoded
from chatd.client.cli.terminal import modes as terminal
from chatd.client.cli.terminal.descriptors import Input, Output
from chatd.client.cli.terminal.editor import Action, Editor, Submit, Switch, Wish
from chatd.client.cli.terminal.keys import Key, KeyDecoder, Pressed
from chatd.client.cli.terminal.line import Line
from chatd.client.cli.terminal.pasting import QUIET, Bursts
from chatd.client.cli.terminal.screen import Region, Screen
from chatd.client.cli.unseen import Unseen

_ALWAYS: Final = frozenset({"ctrl-l", "ctrl-z"})
"""The keys that are about the screen, also while something is typed unseen."""

PATIENCE: Final = 1.0
"""Seconds for which a terminal that takes nothing is waited for when we leave it."""


class LineConsole:
    """Shows a talker's conversation on the terminal of standard input and output."""

    interactive = True

    def __init__(self, reactor: Reactor, talker: Talker, pacing: IPushProducer) -> None:
        self._colours = palette()
        self._reactor = reactor
        self._talker = talker
        self._editor = Editor(talker.complete)
        self._decoder = KeyDecoder()
        self._bursts = Bursts()
        self._quieting: IDelayedCall | None = None
        self._unseen = Unseen()
        self._raw = terminal.RawMode(0)
        self._screen = Screen(terminal.size_of(1), colour=bool(self._colours))
        self._output = Output(reactor, 1, talker.lost)
        self._output.registerProducer(pacing, streaming=True)
        self._input = Input(reactor, 0, self._received, self._ended)
        self._signals = terminal.TerminalSignals(reactor, self._resized, self._resumed, self._suspend)
        self._texts: list[str] = []
        self._scheduled = False
        self._open = False
        self._wishes: dict[Wish, Callable[[], None]] = {
            Wish.END: talker.ended,
            Wish.INTERRUPT: talker.interrupt,
            Wish.SUSPEND: self._suspend,
            Wish.REDRAW: self._clear,
        }

    def open(self) -> None:
        """Take the terminal over."""
        self._raw.enter()
        self._signals.install()
        self._open = True
        self._output.write(encoded(terminal.PASTE_ON))
        self._input.resume()
        self.refresh()

    def listen(self) -> None:
        """Do nothing: people type when they like."""

    def show(self, text: str, nick: str = "", *, loud: bool = False, number: int = 0) -> None:
        """Show lines above the prompt; ``nick`` has its colour, ``number`` is faint, ``loud`` bold."""
        lines = self._screen.folded(text)
        self._texts.append(decorated(lines, nick, self._colours, loud=loud, number=number) if nick else lines)
        self.refresh()

    def ring(self) -> None:
        """Ring the terminal's bell."""
        self._output.write(b"\a")

    def note(self, text: str) -> None:
        """Show lines above the prompt."""
        self.show(text)

    def ask_secret(self, prompt: str) -> Deferred[str]:
        """Return what is typed behind ``prompt``, of which nothing is shown; the line begun before stays.

        It fails with `ClientError` if nothing was given. Until `end_secrets` what is typed stays unseen.
        """
        self.refresh()
        return self._unseen.ask(prompt)

    def end_secrets(self) -> None:
        """Let what is typed be seen again."""
        self._unseen.end()
        self.refresh()

    def refresh(self) -> None:
        """Paint anew once this turn of the reactor is over."""
        if not self._scheduled:
            self._scheduled = True
            self._reactor.callLater(0, self._paint)

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires once all is written."""
        self._flush()
        return self._output.drained()

    def close(self) -> None:
        """Give the terminal back; the half-typed line, if there is one, stays to be seen."""
        if not self._open:
            return
        self._input.close()
        self._stop_quieting()
        self._unseen.end()
        self._flush()
        farewell = self._screen.leave() if self._editor.text else self._screen.erase()
        self._output.write_now(encoded(farewell + terminal.PASTE_OFF), PATIENCE)
        self._open = False
        self._output.unregisterProducer()
        self._output.close()
        self._signals.remove()
        self._raw.restore()

    # ---- painting -----------------------------------------------------------------------------------

    def _region(self) -> Region:
        if (prompt := self._unseen.prompt) is not None:
            return Region(prompt, Line(), self._talker.waiting_rows())
        return Region(
            self._talker.prompt(self._screen.prompt_columns), self._editor.line, self._talker.waiting_rows()
        )

    def _paint(self) -> None:
        """Paint, unless it is not known yet whether the line was entered: then once that is known."""
        self._scheduled = False
        if not self._bursts.undecided:
            self._flush()

    def _flush(self) -> None:
        if not self._open:
            return
        texts, self._texts = self._texts, []
        region = self._region()
        painted = self._screen.print("\n".join(texts), region) if texts else self._screen.paint(region)
        self._output.write(encoded(painted))

    def _clear(self) -> None:
        self._output.write(encoded(self._screen.clear(self._region())))

    # ---- keys ---------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        self._press(self._bursts.feed(self._decoder.feed(data)))
        self._stop_quieting()
        if self._open and self._bursts.lasting:
            self._quieting = self._reactor.callLater(QUIET, self._look_again)

    def _stop_quieting(self) -> None:
        if self._quieting is not None:
            self._quieting.cancel()
            self._quieting = None

    def _look_again(self) -> None:
        """Let the reactor first read what came while it was busy elsewhere."""
        self._quieting = self._reactor.callLater(0, self._quiet)

    def _quiet(self) -> None:
        self._quieting = None
        self._press(self._bursts.quiet())

    def _ended(self) -> None:
        self._press(self._bursts.quiet())
        self._talker.lost()

    def _press(self, keys: Iterable[Key]) -> None:
        for key in keys:
            unseen = self._unseen.prompt is not None
            if unseen and not (isinstance(key, Pressed) and key.name in _ALWAYS):
                self._unseen.press(key)
                continue
            before = self._editor.text
            action = self._editor.press(key)
            if action is not None:
                self._perform(action)
            elif self._editor.text not in {"", before}:
                self._talker.typing(self._editor.text)
        self.refresh()

    def _perform(self, action: Action) -> None:
        if isinstance(action, Submit):
            self._talker.line(action.text)
        elif isinstance(action, Switch):
            self._talker.switch(action.number)
        else:
            self._wishes[action]()

    # ---- signals ------------------------------------------------------------------------------------

    def _resized(self) -> None:
        self._screen.resize(terminal.size_of(1))
        self.refresh()

    def _suspend(self) -> None:
        self._flush()
        self._output.write_now(encoded(self._screen.erase() + terminal.PASTE_OFF), PATIENCE)
        self._raw.restore()
        terminal.stop_process_group()
        self._resumed()

    def _resumed(self) -> None:
        """Take the terminal over again, unless we were continued in the background."""
        if self._open and self._raw.is_ours():
            self._raw.enter()
            self._screen.forget()
            self._screen.resize(terminal.size_of(1))
            self._output.write(encoded("\r" + terminal.PASTE_ON))
            self.refresh()
