"""The client's handshake of WebSocket, and what its failures mean; no I/O (RFC 6455, section 4.1)."""

import json
from http import HTTPStatus
from typing import Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from chatd.client.core.address import Address
from chatd.client.net.reasons import Ending
from chatd.wire.websocket_decoder import SILENT

MOST: Final = 65_536
"""Bytes of an answer that refuses, at the most."""

SENTENCE: Final = 200
"""Characters of what a refusal says that people see."""

_SWITCHING: Final = b"HTTP/1.1 101"
_HEAD_END: Final = b"\r\n\r\n"

_SOON: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that tell of a trouble which may be over at the next attempt."""


class WebSocketError(Exception):
    """WebSocket was not agreed on, or was not kept to; ``ending`` is what that means."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.text)
        self.ending = ending


class Handshake:
    """One handshake with the server at ``address``."""

    def __init__(self, address: Address) -> None:
        self._library = ClientProtocol(parse_uri(address.url), max_size=MOST, logger=SILENT)
        self._answer = b""
        self._refused = False

    def begin(self) -> bytes:
        """Return what to write first."""
        self._library.send_request(self._library.connect())
        return b"".join(self._library.data_to_send())

    def receive(self, data: bytes) -> bytes | None:
        """Take in what the server wrote; return what came behind its answer, None before the end of that.

        Raises `WebSocketError`.
        """
        self._answer += data
        head, end, rest = self._answer.partition(_HEAD_END)
        if end and head.startswith(_SWITCHING):
            self._give(head + end)
            return rest
        if end and not self._refused:
            self._refused = True
            data = self._answer
        if self._refused:  # the library knows where the answer ends
            self._give(data)
        if len(self._answer) > MOST:
            raise WebSocketError(_STRANGE)
        return None

    def end(self) -> None:
        """Note that the server has closed the connection. Raises `WebSocketError`."""
        if not self._refused and self._answer:
            self._library.receive_data(self._answer)
        self._library.receive_eof()
        self._look()
        raise WebSocketError(_CLOSED)

    def _give(self, data: bytes) -> None:
        self._library.receive_data(data)
        self._look()

    def _look(self) -> None:
        """Raise `WebSocketError` if the handshake has failed."""
        cause = self._library.handshake_exc
        if cause is None or self._library.state is OPEN:
            return
        if isinstance(cause, InvalidStatus):
            raise WebSocketError(_refused(cause.response))
        raise WebSocketError(_STRANGE if self._answer else _CLOSED)


_CLOSED: Final = Ending(
    "closed without an answer to the handshake of WebSocket; it may be starting, or the address may be wrong",
    answered=True,
)
_STRANGE: Final = Ending(
    "something else than WebSocket answers there; look at the address",
    answered=True,
    code="not-websocket",
    slow=True,
)


def _refused(response: Response) -> Ending:
    """Return what the answer means that is no handshake."""
    status = response.status_code
    told = _told(response.body or b"")
    if told:
        text = f"refused: {told}"
    else:
        name = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "no known status"
        text = f"it answers HTTP {status} ({name}) in place of WebSocket"
    if status in _SOON:
        return Ending(text, answered=True)
    return Ending(f"{text}; look at the address", answered=True, code="not-websocket", slow=True)


def _told(body: bytes | bytearray) -> str:
    """Return the sentence in a refusal of chatd's, if it is one."""
    try:
        said = json.loads(body)["text"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    if not isinstance(said, str):
        return ""
    return "".join(filter(str.isprintable, said))[:SENTENCE].rstrip(".")
