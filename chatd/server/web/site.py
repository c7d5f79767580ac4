"""The site: which page is where, and what holds for each request."""

from typing import Final

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from chatd.server.budgets import Action
from chatd.server.http.answers import refuse
from chatd.server.http.channel import BoundedRequest, BoundedSite
from chatd.server.http.pages import add_health
from chatd.server.server import Server
from chatd.server.web.hooks import Hooks
from chatd.server.web.page import add_page
from chatd.server.web.protocol import WebSocketProtocol
from chatd.server.web.upgrade import Upgrade
from chatd.wire.errors import Code, RequestError

SOCKET: Final = b"ws"
"""The path of the WebSocket."""

_HEADERS: Final = {
    b"server": b"chatd",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}
"""What every answer says; a page that needs more says so itself."""


class WebSite(BoundedSite):
    """The pages of ``server``: those below ``root``, or its own."""

    def __init__(self, server: Server, root: Resource | None = None) -> None:
        self._server = server
        super().__init__(Root(server) if root is None else root, server.clock)

    def getResourceFor(self, request: BoundedRequest) -> IResource:
        """Return the page that ``request`` asks for, or what tells that there were too many."""
        for name, value in _HEADERS.items():
            request.setHeader(name, value)  # type: ignore[no-untyped-call]
        try:
            self._server.spend(Action.WEB, request.channel.peer_host)
        except RequestError as error:
            return Refusal(error)
        return super().getResourceFor(request)  # type: ignore[no-any-return, no-untyped-call]


class Root(Resource):
    """The root of the pages of ``server``."""

    def __init__(self, server: Server) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        add_page(self)
        self.putChild(b"hooks", Hooks(server))
        self.putChild(SOCKET, Upgrade(self, lambda _: WebSocketProtocol))
        add_health(self, server)

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Say that there is no page called ``path``."""
        del path, request
        return Refusal(RequestError(Code.NO_SUCH_PAGE, "There is no such page on this server."))


class Refusal(Resource):
    """Answers everything with ``error``."""

    isLeaf = True

    def __init__(self, error: RequestError) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._error = error

    def render(self, request: Request) -> bytes:
        """Answer."""
        return refuse(request, self._error)
