"""Who was met: the nicks that Tab completes, the latest speakers first, and who is known to be there."""

from chatd.wire.names import fold


class Nicks:
    """The nicks seen so far."""

    def __init__(self) -> None:
        self._nicks: dict[str, str] = {}
        self._online: dict[str, bool] = {}

    def spoke(self, nick: str) -> None:
        """Note that ``nick`` was the last to do something, and so is there."""
        self._online[fold(nick)] = True
        self._nicks.pop(fold(nick), None)
        self._nicks[fold(nick)] = nick

    def renamed(self, nick: str, new: str) -> None:
        """Note that ``nick`` is called ``new`` from now on."""
        self._nicks.pop(fold(nick), None)
        self._online.pop(fold(nick), None)
        self.spoke(new)

    def known(self, nick: str, *, online: bool) -> bool:
        """Note whether ``nick`` is there; return whether that is news about somebody known."""
        key = fold(nick)
        self._nicks = {key: nick, **self._nicks} if key not in self._nicks else self._nicks
        before = self._online.get(key)
        self._online[key] = online
        return before is not online and (before is not None or online)

    def beginning(self, word: str) -> list[str]:
        """Return the nicks that begin like ``word``, the latest speaker first."""
        folded = fold(word)
        return [nick for key, nick in reversed(self._nicks.items()) if key.startswith(folded)]
