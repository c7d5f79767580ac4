"""Lines of IRC: how they are read and written, and what fits into one (docs/IRC.md, "Lines").

The grammar is that of modern.ircdocs.horse and of ircv3.net, "Message Tags". A line has tags, 8191 bytes with
the ``@`` and the blank behind them, and a body of 512 bytes with its end.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

MAX_BODY: Final = 512
"""Bytes of a line without its tags, with CR and LF (RFC 1459, section 2.3)."""

MAX_CLIENT_TAGS: Final = 4096
"""Bytes of the tags that a client may send, with the ``@`` before and the blank behind them."""

MAX_PARAMS: Final = 15
"""Parameters of one line; the last one takes what is left."""

_ESCAPES: Final = {";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"}
_UNESCAPES: Final = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_ESCAPED: Final = re.compile("[; \\\\\r\n]")
_UNESCAPED: Final = re.compile(r"\\(.?)", re.DOTALL)
_COMMAND: Final = re.compile("[A-Za-z0-9_-]+")
_TEXTS: Final = frozenset({"AWAY", "ERROR", "KICK", "NOTICE", "PRIVMSG", "QUIT", "TOPIC", "WALLOPS"})
"""Commands that end with a text, before which simple clients expect a colon."""

_ENDS: Final = re.compile("[\0\r\n]")


class Line(NamedTuple):
    """One line: its ``command`` in capitals, parameters, tags, and who it comes from."""

    command: str
    params: Sequence[str] = ()
    tags: Mapping[str, str] = {}
    source: str = ""


class BadLineError(ValueError):
    """A line that is none; ``code`` names why: ``too-long``, ``not-utf8`` or ``malformed``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def escape(value: str) -> str:
    """Return the ``value`` of a tag as it stands in a line."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], value)


def unescape(value: str) -> str:
    """Return what a tag's ``value`` means; a backslash before anything else goes, as one at the end does."""
    return _UNESCAPED.sub(lambda found: _UNESCAPES.get(found[1], found[1]), value)


def parse(data: bytes) -> Line | None:
    """Return the line that a client has sent, without its end; None for an empty one.

    Raises `BadLineError`.
    """
    tags, blank, body = b"", b"", data
    if data.startswith(b"@"):
        tags, blank, body = data.partition(b" ")
    if len(tags) + len(blank) > MAX_CLIENT_TAGS or len(body.rstrip(b"\r")) > MAX_BODY - 2:
        raise BadLineError("too-long")
    try:
        text, said = body.decode(), tags[1:].decode()
    except UnicodeDecodeError:
        raise BadLineError("not-utf8") from None
    text = text.rstrip("\r").lstrip(" ")
    if _ENDS.search(text) or _ENDS.search(said):
        raise BadLineError("malformed")
    source = ""
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    command, *params = _split(text)
    if not command:
        return None
    if _COMMAND.fullmatch(command) is None:
        raise BadLineError("malformed")
    return Line(command.upper(), params, _tags(said), source)


def tags_of(data: bytes) -> dict[str, str]:
    """Return the tags of a line that is no line otherwise, as far as they can be read."""
    if not data.startswith(b"@"):
        return {}
    return _tags(data[1:].partition(b" ")[0].decode(errors="replace"))


def command_of(data: bytes) -> str:
    """Return the command of a line that is no line otherwise; nothing if it has none."""
    words = data.decode("ascii", errors="replace").split()
    return next((word.upper() for word in words if word[0] not in "@:"), "")


def _split(text: str) -> list[str]:
    """Return the words of ``text``; what stands behind `` :``, or behind too many words, is one."""
    words: list[str] = []
    rest = text
    while rest and len(words) < MAX_PARAMS:
        if words and rest.startswith(":"):
            words.append(rest[1:])
            return words
        word, _, rest = rest.partition(" ")
        rest = rest.lstrip(" ")
        words.append(word)
    if rest:
        words.append(rest.removeprefix(":"))
    return words or [""]


def _tags(said: str) -> dict[str, str]:
    """Return the tags in ``said``; of one that is there twice the last counts."""
    pairs = (tag.partition("=") for tag in said.split(";") if tag)
    return {name: unescape(value) for name, _, value in pairs if name}


def read_tags(said: str) -> dict[str, str]:
    """Return the tags that `encode_tags` has written, with the ``@`` or without."""
    return _tags(said.removeprefix("@").rstrip(" "))


def encode_tags(tags: Mapping[str, str]) -> str:
    """Return ``tags`` as a line begins with them, with the blank behind; nothing for none."""
    if not tags:
        return ""
    return "@" + ";".join(f"{name}={escape(value)}" if value else name for name, value in tags.items()) + " "


def encode(source: str, command: str, *params: str, tags: Mapping[str, str] | None = None) -> bytes:
    """Return the line that says ``command``, with its end; the body is cut at 512 bytes, between characters.

    What would end a line cannot stand in it: it is a blank then. Of a parameter that is not the last one,
    blanks are such as part no words, and colons before it go.
    """
    words = [f":{source}", command] if source else [command]
    words += [_ENDS.sub(" ", param).lstrip(":").replace(" ", "\u00a0") or "*" for param in params[:-1]]
    if params:
        last = _ENDS.sub(" ", params[-1])
        bare = command not in _TEXTS and last and " " not in last and not last.startswith(":")
        words.append(last if bare else f":{last}")
    body = cut(" ".join(words), MAX_BODY - 2)
    return f"{encode_tags(tags or {})}{body}\r\n".encode()


def cut(text: str, most: int) -> str:
    """Return as much of ``text`` as ``most`` bytes of UTF-8 hold, in whole characters."""
    if 4 * len(text) <= most:
        return text
    return text.encode()[:most].decode(errors="ignore")


def pieces(text: str, most: int) -> Iterator[str]:
    """Yield the lines of ``text``, each in pieces of at most ``most`` bytes, between words where that can be.

    Empty lines are left out, as no line of IRC can say nothing.
    """
    for line in text.splitlines():
        rest = line
        while rest.strip():
            piece = cut(rest, most)
            if len(piece) < len(rest):
                blank = piece.rfind(" ")
                if blank > len(piece) // 2:
                    piece = piece[:blank]
            yield piece
            rest = rest[len(piece) :].removeprefix(" ")
