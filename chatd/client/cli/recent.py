"""The recent: what was shown a moment ago, so that what refers to it can be told in words."""

from typing import Final

from chatd.client.cli.text import clean_line
from chatd.wire.messages import Event, Quote
from chatd.wire.names import fold

MOST: Final = 500
"""Events of each room that are remembered: more than a person has before the eyes."""

WIDTH: Final = 40
"""Characters of a text that stand for it."""

SHORT: Final = 20
"""The same where many lines may be about one text."""


class Recent:
    """Remembers who said what, by room and number; of a text what is shown of it."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[int, tuple[str, str]]] = {}

    def add(self, name: str, event: Event) -> None:
        """Remember ``event`` of the room called ``name``, if others can refer to it; an edit changes it."""
        said = self._rooms.setdefault(fold(name), {})
        if event.kind in {"message", "file"}:
            text = event.text if event.file is None else f"{event.file.name} {event.text}".rstrip()
            said[event.seq] = (event.by, text[: WIDTH + 1])
            while len(said) > MOST:
                del said[next(iter(said))]
        elif event.kind == "edit" and event.ref in said:
            said[event.ref] = (said[event.ref][0], event.text[: WIDTH + 1])
        elif event.kind == "remove":
            for seq in (event.ref, *event.refs):
                said.pop(seq, None)

    def quoted(self, name: str, quote: Quote) -> None:
        """Remember what was told of an event of the room called ``name``, unless it was shown."""
        if not quote.removed:
            said = self._rooms.setdefault(fold(name), {})
            said.setdefault(quote.seq, (quote.by, quote.text[: WIDTH + 1]))

    def knows(self, name: str, seq: int) -> bool:
        """Return whether event ``seq`` of the room called ``name`` is remembered."""
        return seq in self._rooms.get(fold(name), {})

    def words(self, name: str, seq: int, most: int = WIDTH) -> str:
        """Return what stands for event ``seq`` of the room called ``name``: its number and its beginning.

        Of that there are ``most`` characters.
        """
        known = self._rooms.get(fold(name), {}).get(seq)
        if known is None:
            return f"event {seq}"
        return f"{seq} {clean_line(known[0])}: {_beginning(known[1], most)}"

    def text(self, name: str, seq: int) -> str:
        """Return the beginning of what event ``seq`` of the room called ``name`` says, "" if not known."""
        return _beginning(self._rooms.get(fold(name), {}).get(seq, ("", ""))[1])


def _beginning(text: str, most: int = WIDTH) -> str:
    line = clean_line(" ".join(text.split()))
    return line[: most - 1] + "…" if len(line) > most else line
