"""Lines from standard input: cut as they come, with no more kept than one line may have."""

from typing import Final

from chatd.wire.limits import MAX_TEXT

LONGEST: Final = 4 * MAX_TEXT
"""Bytes of a line that are kept; a longer one is refused anyway."""

_MARK: Final = "\ufeff".encode()
"""The byte order mark that some programs begin a UTF-8 file with; it belongs to no line."""


class LineCutter:
    """Cuts received bytes into lines without their ends: LF or CR LF."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes."""
        *lines, rest = (self._rest + data).split(b"\n")
        if lines:
            lines[0] = self._without_mark(lines[0])
        if self._skipping and lines:
            lines[0], self._skipping = b"x" * (LONGEST + 1), False
        if self._skipping or len(rest) > LONGEST:
            rest, self._skipping = b"", True
        self._rest = rest
        return [line.removesuffix(b"\r") for line in lines]

    def end(self) -> list[bytes]:
        """Return the last line, which has no end."""
        if self._skipping:
            return [b"x" * (LONGEST + 1)]
        rest = self._without_mark(self._rest)
        return [rest] if rest else []

    def _without_mark(self, line: bytes) -> bytes:
        """Return ``line`` without the byte order mark, where it is the first one."""
        begun, self._begun = self._begun, True
        return line if begun else line.removeprefix(_MARK)
