"""HTTP CONNECT, over h11 (RFC 9110, section 9.3.6), with Basic authentication (RFC 7617)."""

from base64 import b64encode
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from chatd.client.core.proxy import Proxy, bracketed
from chatd.client.net.proxies.negotiation import ProxyError, needed, unauthorized

if TYPE_CHECKING:
    import h11

MAX_ANSWER: Final = 16_384
"""Bytes that the head of the proxy's answer may have."""

_FIRST: Final = b"HTTP/"
"""How every answer begins; h11 would wait for the rest of what begins in another way."""

_STRANGE: Final = "does not speak HTTP"

_HTTPS: Final = 443
"""The port that most proxies let CONNECT through to, as packaged to this one alone."""

_UNREACHED: Final = (404, 500, 502, 503, 504)
"""What proxies answer where they cannot reach the server; privoxy says 404 of a name that is not known."""

_NO_CONNECT: Final = (400, 405, 501)
"""What web servers answer to CONNECT, which they do not know."""

_LOG_IN: Final = (302, 303, 307, 511)
"""What networks answer that want a person to log in first (RFC 6585, section 6)."""

_LONGEST_REASON: Final = 80
"""Characters of the proxy's own words that are shown."""

_UNAUTHORIZED: Final = (HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.UNAUTHORIZED)
"""What is answered to a missing or a wrong password; tinyproxy answers 401 to a wrong one."""

_REFUSED: Final = 300
"""The first status that is not success."""


class HttpConnect:
    """Asks ``proxy`` for a tunnel to ``host`` and ``port``; ``host`` is ASCII."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._h11 = needed("h11")
        self._proxy = proxy
        self._port = port
        self._target = f"{bracketed(host)}:{port}"
        self._connection: h11.Connection = self._h11.Connection(
            self._h11.CLIENT, max_incomplete_event_size=MAX_ANSWER
        )
        self._first = b""
        self.rest: bytes | None = None

    def begin(self) -> bytes:
        """Return the request."""
        headers = [("Host", self._target), *self._authorization()]
        request = self._h11.Request(method="CONNECT", target=self._target, headers=headers)
        events = (request, self._h11.EndOfMessage())
        return b"".join(self._connection.send(event) or b"" for event in events)

    def receive(self, data: bytes) -> bytes:
        """Take in the answer. Raises `ProxyError`."""
        self._first = (self._first + data)[: len(_FIRST)]
        if not _FIRST.startswith(self._first):
            raise ProxyError(_STRANGE, slow=True)
        try:
            self._connection.receive_data(data)
            event = self._connection.next_event()
            while isinstance(event, self._h11.InformationalResponse):
                event = self._connection.next_event()
        except self._h11.RemoteProtocolError:
            raise ProxyError(_STRANGE, slow=True) from None
        if isinstance(event, self._h11.Response):
            self._answered(event)
        return b""

    def _answered(self, response: "h11.Response") -> None:
        if response.status_code >= _REFUSED:
            raise self._refusal(response)
        self.rest = self._connection.trailing_data[0]

    def _refusal(self, response: "h11.Response") -> ProxyError:
        status = response.status_code
        answer = f"{status} {_words(response.reason) or _phrase(status)}".rstrip()
        if status not in _UNAUTHORIZED:
            return self._unhelpful(status, answer)
        offers = [value for name, value in response.headers if name == b"proxy-authenticate"]
        if offers and not any(offer.lower().startswith(b"basic") for offer in offers):
            wanted = ", ".join(_words(offer).partition(" ")[0] for offer in offers)
            text = f"refused: {answer}; it wants {wanted}, and chatd knows Basic authentication only."
            return ProxyError(text, code="proxy-authentication")
        return unauthorized(self._proxy, answer)

    def _unhelpful(self, status: int, answer: str) -> ProxyError:
        """Return what a refusal means that has nothing to do with a password."""
        if status in _UNREACHED:
            return ProxyError(
                f"could not reach the server ({answer}); it is not running, or not known or reachable there"
            )
        words = f"refused: {answer}"
        if status == HTTPStatus.FORBIDDEN and self._port != _HTTPS:
            words = (
                f"lets nobody through to port {self._port} ({answer}); most allow only {_HTTPS}:"
                " ask for a listener there"
            )
        elif status == HTTPStatus.FORBIDDEN:
            words = f"does not let you through to {self._target} ({answer}); ask whoever keeps it"
        elif status in _NO_CONNECT:
            words = f"makes no connections ({answer}): it is a web server, or knows no CONNECT; name another"
        elif status in _LOG_IN:
            words = f"answers with a web page ({answer}); perhaps this network wants you to log in first"
        return ProxyError(words, slow=True)

    def _authorization(self) -> list[tuple[str, str]]:
        if self._proxy.user is None:
            return []
        secret = b64encode(self._proxy.user + b":" + self._proxy.password).decode()
        return [("Proxy-Authorization", f"Basic {secret}")]


def _words(data: bytes) -> str:
    text = data.decode("utf-8", "replace")[:_LONGEST_REASON]
    return "".join(character for character in text if character.isprintable()).strip()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
