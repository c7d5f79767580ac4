"""SOCKS5 (RFC 1928) over socksio, with a name and a password (RFC 1929) where the proxy wants them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from chatd.client.core.proxy import Proxy, bracketed
from chatd.client.net.proxies.negotiation import ProxyError, needed, unauthorized

if TYPE_CHECKING:
    from socksio import socks5

_REPLIES: Final = {
    1: "could not reach the server, and gives no reason; it is not running, or its name is not known there",
    2: "lets nobody through to {host}:{port}; ask whoever keeps it",
    3: "could not reach the server: the network is unreachable from there",
    4: "could not reach the server: the host is unreachable from there, or its name is not known there",
    5: "could not reach the server: nothing listens there",
    6: "could not reach the server: it is too far away",
    7: "makes no connections; name another",
    8: "does not know this kind of address; name the server in another way",
}
"""The reply codes in words (RFC 1928, section 6)."""

_ELSEWHERE: Final = (1, 3, 4, 5, 6, 8)
"""Replies behind which another address of the same server may do better."""

_STUBBORN: Final = (2, 7, 8)
"""Replies that hardly anybody changes soon."""

_NO_METHOD: Final = 0xFF
_VERSION: Final = 5
_AUTHENTICATION: Final = 1
_HEAD: Final = 2
_ADDRESSES: Final = {1: 4, 4: 16}
"""The size of a fixed address, by its type."""

_STRANGE: Final = "does not speak SOCKS5"


class Socks5:
    """Asks ``proxy`` for a connection to ``host`` and ``port``; ``host`` is ASCII, or an address.

    socksio makes and reads the packets but does not find their ends; that is done here.
    """

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._socks = needed("socksio.socks5")
        self._errors = needed("socksio.exceptions")
        self._proxy = proxy
        self._target = (host, port)
        self._connection: socks5.SOCKS5Connection = self._socks.SOCKS5Connection()
        self._buffer = bytearray()
        states = self._socks.SOCKS5State
        self._steps: dict[Any, tuple[Callable[[], int], Callable[[bytes], bytes]]] = {
            states.SERVER_AUTH_REPLY: (lambda: _HEAD, self._method),
            states.SERVER_VERIFY_USERNAME_PASSWORD: (lambda: _HEAD, self._verdict),
            states.CLIENT_AUTHENTICATED: (self._reply_size, self._reply),
        }
        self.rest: bytes | None = None

    def begin(self) -> bytes:
        """Return the methods of authentication that we know."""
        methods = self._socks.SOCKS5AuthMethod
        offered = [methods.NO_AUTH_REQUIRED]
        if self._proxy.user is not None:
            offered.append(methods.USERNAME_PASSWORD)
        return self._say(self._socks.SOCKS5AuthMethodsRequest(offered))

    def receive(self, data: bytes) -> bytes:
        """Take in answers and return what comes next. Raises `ProxyError`."""
        self._buffer += data
        said = b""
        while self.rest is None:
            size, step = self._steps[self._connection.state]
            if len(self._buffer) < (length := size()):
                break
            answer = bytes(self._buffer[:length])
            del self._buffer[:length]
            said += step(answer)
        return said

    def _method(self, answer: bytes) -> bytes:
        if answer[0] != _VERSION:
            raise ProxyError(_STRANGE, slow=True)
        if answer[1] == _NO_METHOD:
            raise unauthorized(self._proxy, "none of our methods of authentication will do")
        chosen = self._read(answer).method
        if chosen == self._socks.SOCKS5AuthMethod.NO_AUTH_REQUIRED:
            return self._ask()
        if chosen != self._socks.SOCKS5AuthMethod.USERNAME_PASSWORD or self._proxy.user is None:
            raise ProxyError("chose a method of authentication that was not offered", slow=True)
        return self._say(self._socks.SOCKS5UsernamePasswordRequest(self._proxy.user, self._proxy.password))

    def _verdict(self, answer: bytes) -> bytes:
        if answer[0] != _AUTHENTICATION:
            raise ProxyError(_STRANGE, slow=True)
        if not self._read(answer).success:
            raise unauthorized(self._proxy, "authentication failed")
        return self._ask()

    def _reply_size(self) -> int:
        """Return the size of the reply as far as it is known: of a refusal the head says all."""
        buffer = self._buffer
        if len(buffer) < _HEAD or buffer[0] != _VERSION or buffer[1]:
            return _HEAD
        kind = buffer[3] if len(buffer) > 3 else 1  # noqa: PLR2004 - where the type of the address stands
        if kind == 3:  # noqa: PLR2004 - a name, behind its length
            return 7 + (buffer[4] if len(buffer) > 4 else 0)  # noqa: PLR2004
        return 6 + _ADDRESSES.get(kind, 0)

    def _reply(self, answer: bytes) -> bytes:
        if answer[0] != _VERSION:
            raise ProxyError(_STRANGE, slow=True)
        if answer[1]:
            raise self._refusal(answer[1])
        # socksio takes the name of the proxy's own end without its length; it does not matter to us.
        self._read(answer[:4] + answer[5:] if answer[3] == 3 else answer)  # noqa: PLR2004
        self.rest = bytes(self._buffer)
        return b""

    def _refusal(self, reply: int) -> ProxyError:
        host, port = self._target
        words = _REPLIES.get(reply, "refused for no known reason").format(host=bracketed(host), port=port)
        text = f"{words} (SOCKS reply {reply})"
        return ProxyError(text, elsewhere=reply in _ELSEWHERE, slow=reply in _STUBBORN)

    def _ask(self) -> bytes:
        request = self._socks.SOCKS5CommandRequest
        return self._say(request.from_address(self._socks.SOCKS5Command.CONNECT, self._target))

    def _say(self, packet: Any) -> bytes:
        self._connection.send(packet)
        return self._connection.data_to_send()

    def _read(self, answer: bytes) -> Any:
        try:
            return self._connection.receive_data(answer)
        except self._errors.ProtocolError:
            raise ProxyError(_STRANGE, slow=True) from None
