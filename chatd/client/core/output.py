"""The output of the client's state machine: the effects that its parts answer an input with, in order."""

from collections.abc import Callable, Iterable

from chatd.client.core.effects import Effect, Notify, Reply, Save, Write
from chatd.client.core.link import Link
from chatd.client.core.notices import Notice
from chatd.wire.messages import Error, Ok


class Output:
    """Effects that are to be performed; ``reason`` says, for people, what went wrong last."""

    def __init__(self) -> None:
        self.reason = ""
        self._effects: list[Effect] = []
        self._changed = False

    def add(self, *effects: Effect) -> None:
        """Have ``effects`` performed."""
        self._effects += effects

    def write(self, link: Link, data: bytes, now: float) -> None:
        """Write what the server answers at once."""
        link.asked(now)
        self.add(Write(link.number, data))

    def say(self, link: Link, data: bytes, now: float) -> None:
        """Write what the server does not answer."""
        link.said(now)
        self.add(Write(link.number, data))

    def notify(self, notice: Notice) -> None:
        """Tell the program."""
        self.add(Notify(notice))

    def tell(self, notices: Iterable[Notice | None]) -> None:
        """Tell the program what of ``notices`` there is to tell."""
        for notice in notices:
            if notice is not None:
                self.notify(notice)

    def reply(self, number: int, answer: Ok | Error | None) -> None:
        """Tell who asked request ``number``; None: the answer never comes."""
        self.add(Reply(number, answer))

    def save(self) -> None:
        """Have what changed written down, behind everything else."""
        self._changed = True

    def taken(self, *, urgent: Callable[[], bool]) -> list[Effect]:
        """Return all effects since the last call; ``urgent`` says if something waits for what changed."""
        if self._changed:
            self._changed = False
            self._effects.append(Save(urgent()))
        effects, self._effects = self._effects, []
        return effects
