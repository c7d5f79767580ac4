"""Strangers: what is said of a peer whose first bytes are not chatd's protocol."""

import re
from typing import Final

HEAD: Final = 64
"""Bytes of a peer's first ones that are kept until it was understood."""

_SHOWN: Final = 24
"""Characters of them that people see."""

_WORDS: Final = re.compile(rb"\s*([\x20-\x7e]{3,})")


def may_be_ours(head: bytes) -> bool:
    """Return whether ``head`` can begin a frame: its length, of four bytes, is far below 2**24."""
    return head[:1] in {b"", b"\0"}


def stranger_reason(head: bytes, through: str) -> str:
    """Return why a peer that begins with ``head`` is not the server; ``through`` is the proxy, if any."""
    found = _WORDS.match(head)
    if found is None:
        begin = "unknown bytes"
    else:
        said = found[1].decode().rstrip()
        begin = f"'{said}'" if len(said) <= _SHOWN else f"'{said[:_SHOWN].rstrip()} …'"
    who = f", or the proxy {through} in its place" if through else ""
    return f"something else than chatd answers there{who} (it begins with {begin}); look at the address"
