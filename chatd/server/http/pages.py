"""Pages that tell whether the daemon is well, for whoever starts it and routes to it; plain text."""

from collections.abc import Callable
from typing import Final

from twisted.web.http import NOT_ALLOWED, SERVICE_UNAVAILABLE
from twisted.web.pages import errorPage
from twisted.web.resource import Resource
from twisted.web.server import Request

from chatd.server.server import Server

TEXT: Final = b"text/plain; charset=utf-8"


class Page(Resource):
    """A page that can only be read."""

    isLeaf = True

    def render(self, request: Request) -> bytes | int:
        """Answer, or say that the method has no meaning here."""
        if request.method in {b"GET", b"HEAD"}:
            return super().render(request)  # type: ignore[no-any-return, no-untyped-call]
        request.setHeader(b"allow", b"GET, HEAD")
        refusal = errorPage(NOT_ALLOWED, "Method Not Allowed", "This page can only be read.")
        said: bytes | int = refusal.render(request)  # type: ignore[assignment]
        return said


class Health(Page):
    """Answers 200 and ``ok``, or 503 and the sentence that ``trouble`` returns."""

    def __init__(self, trouble: Callable[[], str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._trouble = trouble

    def render_GET(self, request: Request) -> bytes:
        """Answer."""
        request.setHeader(b"content-type", TEXT)
        trouble = self._trouble()
        if trouble:
            request.setResponseCode(SERVICE_UNAVAILABLE)
        return f"{trouble or 'ok'}\n".encode()


def add_health(root: Resource, server: Server) -> None:
    """Put ``/healthz`` and ``/readyz`` of ``server`` below ``root``."""
    root.putChild(b"healthz", Health(lambda: ""))
    root.putChild(b"readyz", Health(lambda: unready(server)))


def unready(server: Server) -> str:
    """Return why nobody can come in and talk now; nothing if they can."""
    if server.draining:
        return "The daemon is ending."
    if server.committer.broken or server.admission.disk_hangs:
        return "Nothing can be written to the disk; the log says why."
    return ""
