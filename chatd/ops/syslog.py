"""The system's log as a target: libc's ``syslog``, which blocks while nobody reads its socket."""

import syslog
from typing import Final

from twisted.logger import LogEvent

from chatd.ops.event_lines import text_line

_PRIORITIES: Final = {
    "debug": syslog.LOG_DEBUG,
    "info": syslog.LOG_INFO,
    "warn": syslog.LOG_WARNING,
    "error": syslog.LOG_ERR,
    "critical": syslog.LOG_CRIT,
}


def syslog_line(event: LogEvent) -> str:
    """Return ``event`` as text without its time, which the system adds."""
    return text_line(event).partition(" ")[2]


class SystemLog:
    """Sends each line with the priority that its first word names; lines of a traceback as errors."""

    encoding = "utf-8"

    def __init__(self, prefix: str) -> None:
        syslog.openlog(prefix, syslog.LOG_PID)

    def send(self, lines: bytes) -> int:
        """Hand all of ``lines`` over."""
        for line in lines.decode().splitlines():
            syslog.syslog(_PRIORITIES.get(line.partition(" ")[0], syslog.LOG_ERR), line)
        return len(lines)

    def reopen(self) -> None:
        """Do nothing: the system rotates its log itself."""
