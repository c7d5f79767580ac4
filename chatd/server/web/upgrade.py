"""The upgrade: a request that asks for WebSocket becomes a connection of the chat (RFC 6455, section 4.2).

What makes a handshake, the library ``websockets`` knows; only pages of the allowed origins get one. Nothing
is compressed, and cookies mean nothing: whoever comes says who they are by the hello.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.interfaces import IProtocol
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as WebRequest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidOrigin, InvalidUpgrade
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from chatd.server.http.answers import refuse
from chatd.server.listener_rules import Listening
from chatd.server.server import Server
from chatd.wire.errors import Code, RequestError
from chatd.wire.websocket_decoder import SILENT

_SWITCHING: Final = 101


Make = Callable[[Server, Listening], IProtocol]
"""Makes what speaks behind a handshake."""


class Upgrade(Resource):
    """The place where WebSocket is spoken. There is nothing below it, as ``root`` says.

    ``make`` returns what makes connections, by the one of ``subprotocols`` that was agreed on, or nothing.
    """

    def __init__(self, root: Resource, make: Callable[[str], Make], subprotocols: Sequence[str] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._root = root
        self._make = make
        self._subprotocols = subprotocols

    def getChild(self, path: bytes, request: WebRequest) -> IResource:
        """Say that there is no such page."""
        return self._root.getChild(path, request)  # type: ignore[no-any-return]

    def render(self, request: WebRequest) -> Any:
        """Answer, and let the chat speak if the handshake is right."""
        channel: Any = request.channel
        if channel.server.draining:
            return refuse(
                request, RequestError(Code.CANCELLED, "The daemon is ending; come back in a moment.")
            )
        rules = channel.listener.rules
        origins = [*rules.origins, *own_origins(request, secure=rules.secure)]
        response, trouble = shake_hands(request, origins, self._subprotocols)
        if trouble is None:
            agreed = response.headers.get("Sec-WebSocket-Protocol", "")
            channel.upgrade(response.serialize(), self._make(agreed))
            return NOT_DONE_YET
        said = refuse(request, trouble)
        request.setResponseCode(response.status_code)
        if "Upgrade" in response.headers:
            request.setHeader(b"upgrade", b"websocket")
            request.setHeader(b"connection", b"upgrade")
        return said


class Everywhere(Upgrade):
    """The same at every path."""

    isLeaf = True

    def __init__(self, make: Callable[[str], Make], subprotocols: Sequence[str]) -> None:
        super().__init__(self, make, subprotocols)


def own_origins(request: WebRequest, *, secure: bool) -> list[str]:
    """Return the origin of our own page, as far as nobody else can have it.

    Where nobody reads what comes, TLS has shown that the name is ours. In plain text a page of a stranger may
    have its own name lead here (DNS rebinding); to an address, or localhost, no name leads.
    """
    host = (request.getHeader(b"host") or b"").decode("latin-1")
    if secure:
        return [f"https://{host}"]
    return [f"http://{host}"] if _is_address(host) else []


def _is_address(host: str) -> bool:
    """Return whether ``host``, with a port maybe, is an address or localhost, and no other name."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def shake_hands(
    request: WebRequest, origins: Sequence[str], subprotocols: Sequence[str] = ()
) -> tuple[Response, RequestError | None]:
    """Return the answer to a handshake, and what is wrong with it, if anything is.

    ``origins`` are the pages that may connect. What is no browser names no origin, and may. Of
    ``subprotocols`` that is agreed on which the client wishes for most; if it is none, nothing is.
    """

    def agree(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return next((one for one in offered if one in subprotocols), None)

    headers = Headers(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in request.requestHeaders.getAllRawHeaders()
        for value in values
    )
    asked = Request(
        request.uri.decode("latin-1"),
        headers,
        request.method.decode("latin-1"),
        request.clientproto.decode("latin-1"),
    )
    protocol = ServerProtocol(
        origins=[*map(Origin, origins), None], extensions=(), select_subprotocol=agree, logger=SILENT
    )
    response = protocol.accept(asked)
    if response.status_code == _SWITCHING:
        return response, None
    cause = protocol.handshake_exc
    if isinstance(cause, InvalidOrigin):
        return response, RequestError(
            Code.NOT_ALLOWED,
            "This page may not connect here; the operator names those that may: origins at the [[listen]].",
        )
    if isinstance(cause, InvalidUpgrade):
        return response, RequestError(Code.BAD_MESSAGE, "WebSocket is spoken here; ask for it by an upgrade.")
    return response, RequestError(Code.BAD_MESSAGE, f"This is no handshake of WebSocket: {cause}.")
