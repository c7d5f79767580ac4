"""The reply to one command: its lines, and how they are told apart by the label that the client gave it."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from chatd.wire.irc import escape

_BATCH: Final = re.compile(rb"(?:@[^ ]* )?:[^ ]* BATCH ([+-])")


def tagged(line: bytes, name: str, value: str) -> bytes:
    """Return ``line`` with one more tag."""
    tag = f"{name}={escape(value)}".encode()
    return b"@" + tag + (b";" + line[1:] if line.startswith(b"@") else b" " + line)


def batch_sign(line: bytes) -> bytes:
    """Return ``+`` of a line that begins a batch, ``-`` of one that ends it, nothing of any other."""
    found = _BATCH.match(line)
    return b"" if found is None else found[1]


class Reply:
    """Gathers lines, and hands them to ``write``: at once where there is no ``label``.

    One line gets the label itself; several stand in one of ``batches``. With `pass_on` an event that is about
    to come has the label.
    """

    def __init__(
        self, server: str, label: str, write: Callable[[bytes], None], batches: Iterator[str]
    ) -> None:
        self._server = server
        self._batches = batches
        self.label = label
        self._write = write
        self._first = b""
        self._batch = ""

    def add(self, line: bytes, *, within: bool = False) -> None:
        """Say ``line``; one ``within`` a batch that was begun here has the tag of that alone."""
        if not self.label or (within and self._batch):
            self._write(line)
        elif self._batch:
            self._write(tagged(line, "batch", self._batch))
        elif self._first:
            first, self._first = self._first, b""
            self._write(tagged(first, "batch", self.begin()))
            self._write(line if within else tagged(line, "batch", self._batch))
        else:
            self._first = line

    def begin(self) -> str:
        """Begin a batch, and return its name; there is none without a label."""
        if self.label and not self._batch:
            self._batch = next(self._batches)
            begin = f":{self._server} BATCH +{self._batch} labeled-response\r\n".encode()
            self._write(tagged(begin, "label", self.label))
        return self._batch

    def pass_on(self) -> str:
        """Return the label, for an event that is the only answer; there is none any more."""
        label = "" if self._first or self._batch else self.label
        if label:
            self.label = ""
        return label

    def end(self) -> None:
        """Say that this was all."""
        if not self.label:
            return
        if self._batch:
            self._write(f":{self._server} BATCH -{self._batch}\r\n".encode())
        elif self._first:
            self._write(tagged(self._first, "label", self.label))
        else:
            self._write(tagged(f":{self._server} ACK\r\n".encode(), "label", self.label))
        self.label = ""
