"""Plain text: what programs write for a terminal, without what only a terminal understands (--plain).

The grammar is that of ECMA-48, 5th edition: control sequences (CSI, 5.4), command strings (OSC, DCS, APC, PM
and SOS, 5.6; BEL ends one too, as xterm takes it) and escape sequences (ECMA-35, 13.2). Colours, movements of
the cursor, titles and links go; the text that they stand around stays.
"""

import re
from typing import Final

from chatd.client.core.problems import ClientError
from chatd.wire.errors import Code, RequestError

_SEQUENCE: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"  # a control sequence; one that is cut off has no last character
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x9c|\x1b\\\\)"  # a command string
    "|\x1b[ -/]*[0-~]?"  # an escape sequence; also the beginning of a command string that has no end
)
_STRUCK_OVER: Final = re.compile("[^\n\b]\b")
_LEFT_OVER: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Return ``text`` without sequences for terminals and other control characters.

    A character that is struck over (as ``man`` prints bold ones) is there once; a carriage return, with which
    meters write over their line, begins a new one.
    """
    text = _SEQUENCE.sub("", text)
    while "\b" in text:
        text, count = _STRUCK_OVER.subn("", text)
        if not count:
            break
    return _LEFT_OVER.sub("", text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n"))


def explain(error: ClientError | RequestError) -> str:
    """Return what ``error`` says of a text, and how ``--plain`` helps where it does."""
    if error.code != Code.CONTROL_CHARACTER:
        return error.text
    return f"{error.text} With --plain, colours and other control characters are taken out."
