"""The pages: ``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for whoever starts and routes."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from twisted.web.http import NOT_ALLOWED, SERVICE_UNAVAILABLE
from twisted.web.pages import errorPage, notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from chatd.metrics.families import Figures
from chatd.metrics.survey import Surveyor
from chatd.server.server import Server

TEXT: Final = b"text/plain; charset=utf-8"


class Root(Resource):
    """The root of the pages about ``server``, whose connections ``surveyor`` looks at."""

    def __init__(self, server: Server, surveyor: Surveyor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.putChild(b"metrics", Metrics(server, surveyor))
        self.putChild(b"healthz", Health(lambda: ""))
        self.putChild(b"readyz", Health(lambda: unready(server)))

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Say that there is no page called ``path``."""
        del path, request
        return notFound()


class _Page(Resource):
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


class Health(_Page):
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


def unready(server: Server) -> str:
    """Return why nobody can come in and talk now; nothing if they can."""
    if server.draining:
        return "The daemon is ending."
    if server.committer.broken or server.admission.disk_hangs:
        return "Nothing can be written to the disk; the log says why."
    return ""


class Metrics(_Page):
    """The figures. They wait for nothing: a disk that hangs is just what they are to show."""

    def __init__(self, server: Server, surveyor: Surveyor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._server = server
        self._surveyor = surveyor
        self._process = ProcessCollector(registry=None)

    def render_GET(self, request: Request) -> bytes:
        """Answer."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(
            Figures(
                self._server,
                self._surveyor.latest,
                self._surveyor.space,
                ready=not unready(self._server),
            )
        )
        registry.register(self._process)
        encode, kind = _form(request)
        request.setHeader(b"content-type", kind.encode())
        return encode(registry)


def _form(request: Request) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return what makes a page in the form that ``request`` asks for, and the name of that form."""
    try:
        return choose_encoder(request.getHeader("accept") or "")
    except (TypeError, ValueError):  # a version that is none
        return choose_encoder("")
