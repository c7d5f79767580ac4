"""The page: files of the package that browsers make a chat client of, held in memory, compressed once.

The page may load and run what lies here and nothing else, be shown in no frame, and make no HTML of text.
"""

import gzip
import hashlib
import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

FOLDER: Final = "page"
"""Where the files are in the package."""

INDEX: Final = "index.html"

TYPES: Final = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
    "webmanifest": b"application/manifest+json",
}
"""What is served, by the ending of its name; nothing else in the folder is."""

POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    b" manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    b" require-trusted-types-for 'script'; trusted-types chatd"
)
"""What the page may do (Content Security Policy, level 3)."""

_COMMENTS: Final = re.compile(rb"(?m)^[ \t]*(?:/\*(?:(?!\*/)[\s\S])*\*/|//.*)[ \t]*$")
"""Comments that have lines of their own: a third of all, and browsers do not read them."""

_FOREIGN: Final = "vendor/"
"""Where files of others are, with their licences."""

_OWN: Final = {
    b"cache-control": b"no-cache",
    b"cross-origin-resource-policy": b"same-origin",
    b"vary": b"accept-encoding",
}
"""What the answer with each file says."""

_DOCUMENT: Final = {
    b"content-security-policy": POLICY,
    b"cross-origin-opener-policy": b"same-origin",
    b"x-chatd-page": b"1",
}
"""What is said where something begins to run, by the page and by its worker: nothing else obeys that."""

_DOCUMENTS: Final = {INDEX, "worker.js"}


class Asset(NamedTuple):
    """A file: its type, bytes, compressed bytes, and the tag that names its content."""

    kind: bytes
    plain: bytes
    packed: bytes
    tag: bytes


@cache
def assets() -> dict[str, Asset]:
    """Return the files of the page by their paths."""
    return dict(_below(files("chatd") / FOLDER, ""))


def _below(folder: Traversable, path: str) -> "list[tuple[str, Asset]]":
    found = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _below(one, f"{path}{one.name}/")
        elif (kind := TYPES.get(one.name.rpartition(".")[2])) is not None:
            plain = _served(path + one.name, one.read_bytes())
            tag = b'"%s"' % hashlib.sha256(plain).hexdigest()[:32].encode()
            found.append((path + one.name, Asset(kind, plain, gzip.compress(plain, 9, mtime=0), tag)))
    return found


def _served(path: str, data: bytes) -> bytes:
    """Return what is served of a file: a program without its comments, with its lines where they were."""
    if not path.endswith(".js") or path.startswith(_FOREIGN):
        return data
    return _COMMENTS.sub(lambda comment: b"\n" * comment[0].count(b"\n"), data)


class PageFile(Resource):
    """One file of the page, at ``path``; what lies below that, ``other`` tells."""

    def __init__(self, path: str, other: Resource) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._path = path
        self._other = other

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Return the file called ``path`` in this folder, or what says that there is none."""
        below = f"{self._path}/{path.decode('utf-8', 'replace')}"
        if any(one == below or one.startswith(f"{below}/") for one in assets()):
            return PageFile(below, self._other)
        return self._other.getChild(path, request)  # type: ignore[no-any-return]

    def render_GET(self, request: Request) -> bytes:
        """Answer with the file, or with the word that it is as the browser has it."""
        asset = assets().get(self._path)
        if asset is None:
            return self._other.getChild(b"", request).render(request)  # type: ignore[no-any-return]
        packs = b"gzip" in (request.getHeader(b"accept-encoding") or b"")
        said = {b"content-type": asset.kind, **_OWN, **(_DOCUMENT if self._path in _DOCUMENTS else {})}
        for name, value in said.items():
            request.setHeader(name, value)
        if request.setETag(asset.tag) is not None:
            return b""
        if packs:
            request.setHeader(b"content-encoding", b"gzip")
        return asset.packed if packs else asset.plain


def add_page(root: Resource) -> None:
    """Let the page be the first thing below ``root``, with its files beside it."""
    root.putChild(b"", PageFile(INDEX, root))
    for name in {path.partition("/")[0] for path in assets()}:
        root.putChild(name.encode(), PageFile(name, root))
