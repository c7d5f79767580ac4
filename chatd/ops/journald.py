"""systemd's journal as a target: each event with its fields, over journald's own protocol.

What a service prints reaches the journal as lines of text. journald tells by JOURNAL_STREAM that standard
output leads to it; whoever finds that true may hand over fields instead (systemd.exec(5), and "Native Journal
Protocol" of systemd's documentation).
"""

import errno
import json
import os
import socket
import struct
from typing import Any, Final

from chatd.ops.words import sentence_of

SOCKET: Final = "/run/systemd/journal/socket"

_PRIORITIES: Final = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}
"""syslog(3) has these numbers."""

_HEAD: Final = frozenset({"time", "level", "event", "text", "traceback"})
"""What a line of JSON holds beside an event's fields."""

_LENGTH: Final = struct.Struct("<Q")


def leads_to_journal(number: int) -> bool:
    """Return whether the descriptor ``number`` leads to the journal, as JOURNAL_STREAM says."""
    try:
        status = os.fstat(number)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def entry(row: dict[str, Any], identifier: str) -> bytes:
    """Return ``row``, a line of `chatd.ops.event_lines.json_line`, as journald's datagram."""
    fields = {name: value for name, value in row.items() if name not in _HEAD}
    message = sentence_of(row["event"], row.get("text", ""), fields)
    values: dict[str, Any] = {
        "MESSAGE": message,
        "PRIORITY": _PRIORITIES[row["level"]],
        "SYSLOG_IDENTIFIER": identifier,
        "CHATD_EVENT": row["event"],
        "CHATD_TRACEBACK": row.get("traceback"),
    }
    values |= {f"CHATD_{name.upper()}": value for name, value in fields.items()}
    return b"".join(_field(name, value) for name, value in values.items() if value is not None)


def _field(name: str, value: object) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    data = text.encode("utf-8", "backslashreplace")
    if b"\n" in data:
        return b"%s\n%s%s\n" % (name.encode(), _LENGTH.pack(len(data)), data)
    return b"%s=%s\n" % (name.encode(), data)


class Journald:
    """A target for lines of JSON, each of which becomes an entry of the journal."""

    encoding = "utf-8"

    def __init__(self, identifier: str = "chatd", path: str = SOCKET) -> None:
        self._identifier = identifier
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, lines: bytes) -> int:
        """Hand over whole lines, and return how many bytes they have. Raises `OSError` if none could be."""
        sent = 0
        for line in lines.splitlines(keepends=True):
            row = json.loads(line)
            try:
                self._hand_over(row)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    if sent:
                        return sent
                    raise
                self._hand_over({name: row[name] for name in ("level", "event", "text") if name in row})
            sent += len(line)
        return sent

    def _hand_over(self, row: dict[str, Any]) -> None:
        self._socket.sendto(entry(row, self._identifier), self._path)

    def reopen(self) -> None:
        """Do nothing: the journal rotates itself."""
