"""The pages: ``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for whoever starts and routes."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from chatd.metrics.families import Figures
from chatd.metrics.survey import Surveyor
from chatd.server.http.pages import Page, add_health, unready
from chatd.server.server import Server


class Root(Resource):
    """The root of the pages about ``server``, whose connections ``surveyor`` looks at."""

    def __init__(self, server: Server, surveyor: Surveyor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.putChild(b"metrics", Metrics(server, surveyor))
        add_health(self, server)

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Say that there is no page called ``path``."""
        del path, request
        return notFound()


class Metrics(Page):
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
