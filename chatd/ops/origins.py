"""Origins: the pages from which browsers may connect to a listener (RFC 6454, section 6.2)."""

import re
from collections.abc import Iterator
from typing import Final

from chatd.ops.reading import Problem
from chatd.ops.settings import ListenConfig

_ORIGIN: Final = re.compile(r"https?://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_IMPLIED: Final = (("http://", ":80"), ("https://", ":443"))


def origin_problems(listen: ListenConfig, path: str) -> Iterator[Problem]:
    """Yield the problems with the origins of the listener at ``path``."""
    if listen.origins and listen.protocol != "web" and not listen.websocket:
        yield Problem(f"{path}.origins", 'origins has no effect here; say protocol = "web" or leave it out.')
    for index, origin in enumerate(listen.origins):
        implied = any(origin.startswith(scheme) and origin.endswith(port) for scheme, port in _IMPLIED)
        if not _ORIGIN.fullmatch(origin) or implied:
            yield Problem(
                f"{path}.origins[{index}]",
                f"{origin!r} is not what a browser names; write it as https://chat.example.org or, with a"
                " port that is not the usual one, https://chat.example.org:8443, in small letters.",
            )
