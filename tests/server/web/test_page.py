"""The page's files over HTTP: what is served, how, and that nothing of them comes from elsewhere."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

import chatd
from chatd.server.factory import WEB, ChatFactory
from chatd.server.listener_rules import ListenerRules
from chatd.server.web.page import assets
from chatd.testing.playground import PORTS
from tests.server.web.conftest import browse, request
from tests.server.web.test_websocket import shake

PAGE = Path(chatd.__file__).parent / "page"
IMPORT = re.compile(r'^(?:import|export)\b[^"]*"(\.[^"]+)"|import\("(\.[^"]+)"\)', re.MULTILINE)


def asked(path, *headers):
    head = "".join(f"{line}\r\n" for line in headers)
    return request(path).replace(b"\r\n\r\n", f"\r\n{head}\r\n".encode(), 1)


def test_the_root_is_the_page_which_may_run_nothing_but_its_own_files(playground):
    browser = browse(playground, request("/"))
    assert browser.status == 200
    assert b'<script type="module" src="main.js">' in browser.body
    for rule in (b"script-src 'self';", b"frame-ancestors 'none'", b"require-trusted-types-for 'script'"):
        assert rule in browser.head
    assert b"unsafe" not in browser.head
    assert b"x-content-type-options: nosniff" in browser.head


@pytest.mark.parametrize("path", sorted(assets()))
def test_every_file_is_served_as_what_it_is(playground, path):
    plain = assets()[path].plain
    assert browse(playground, request(f"/{path}")).got.endswith(b"\r\n\r\n" + plain)
    packed = browse(playground, asked(f"/{path}", "Accept-Encoding: gzip"))
    assert gzip.decompress(packed.got.partition(b"\r\n\r\n")[2]) == plain
    tag = re.search(rb'etag: ("[0-9a-f]+")', packed.head)[1].decode()
    again = browse(playground, asked(f"/{path}", f"If-None-Match: {tag}"))
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", sorted(assets()))
def test_of_our_programs_all_is_served_but_lines_of_comments(path):
    lines = (PAGE / path).read_bytes().split(b"\n")
    served = assets()[path].plain.split(b"\n")
    assert len(served) == len(lines)
    left_out = [line.strip() for line, said in zip(lines, served, strict=True) if said != line]
    assert all(said in {line, b""} for line, said in zip(lines, served, strict=True))
    assert [line for line in left_out if not line.startswith((b"/*", b"*", b"//"))] == []
    assert bool(left_out) is (path.endswith(".js") and not path.startswith("vendor/"))


def test_what_runs_says_what_it_may_do(playground):
    for path in ("/", "/index.html", "/worker.js"):
        assert b"require-trusted-types-for 'script'" in browse(playground, request(path)).head
    for path in ("/main.js", "/icon.svg", "/style.css"):
        assert b"content-security-policy: default-src 'none';" in browse(playground, request(path)).head


@pytest.mark.parametrize(
    "path",
    ["/core", "/core/", "/core/nothing.js", "/tsconfig.json", "/core/../../tap.py", "/vendor/x"],
)
def test_nothing_else_is(playground, path):
    assert browse(playground, request(path)).status == 404


def test_the_page_names_all_modules_that_it_needs_so_that_none_is_waited_for_in_turn():
    index = (PAGE / "index.html").read_text()
    named = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', index))
    needed, left = set(), ["main.js"]
    while left:
        module = left.pop()
        for one in IMPORT.finditer((PAGE / module).read_text()):
            path = (PAGE / module).parent / (one[1] or one[2])
            found = str(path.resolve().relative_to(PAGE.resolve()))
            if found not in needed:
                needed.add(found)
                left.append(found)
    assert named == needed
    assert needed | {"main.js", "worker.js"} == {path for path in assets() if path.endswith(".js")}


def test_all_of_it_is_small_on_the_wire():
    assert sum(len(asset.packed) for asset in assets().values()) < 100_000


def test_what_is_not_ours_is_what_it_is_said_to_be():
    said = (PAGE / "vendor" / "README.md").read_text()
    digest = hashlib.sha256((PAGE / "vendor" / "htm-preact.js").read_bytes()).hexdigest()
    assert digest in said


@pytest.mark.parametrize(
    ("secure", "host", "origin", "status"),
    [
        (False, "127.0.0.1:7480", "http://127.0.0.1:7480", 101),
        (False, "localhost:7480", "http://localhost:7480", 101),
        (False, "[::1]:7480", "http://[::1]:7480", 101),
        (False, "192.0.2.7", "http://192.0.2.7", 101),
        (False, "127.0.0.1:7480", "http://127.0.0.1:8000", 403),
        (False, "127.0.0.1:7480", "https://127.0.0.1:7480", 403),
        (False, "localhost:7480", "http://evil.example:7480", 403),
        (False, "evil.example:7480", "http://evil.example:7480", 403),  # its own name leads here
        (False, "127.0.0.1.evil.example", "http://127.0.0.1.evil.example", 403),
        (True, "chat.example", "https://chat.example", 101),
        (True, "chat.example", "http://chat.example", 403),
        (True, "chat.example", "https://evil.example", 403),
    ],
)
def test_our_own_page_may_connect_and_no_page_that_passes_for_it(playground, secure, host, origin, status):
    chat = ChatFactory(WEB, playground.server, ListenerRules(secure=secure))
    playground.network.listen(chat, PORTS[WEB])
    named = (b"\r\n\r\n", f"\r\nOrigin: {origin}\r\n\r\n".encode())
    assert shake(playground, (b"Host: chat.example", b"Host: " + host.encode()), named).status == status
