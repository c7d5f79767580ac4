"""A connection over HTTP that has ended is freed at once, however it ended."""

import gc
from weakref import ref

import pytest

from chatd.memory import loading
from chatd.server.web.limits import KEEP_ALIVE
from chatd.testing import Playground
from tests.server.web.conftest import browse, request

ENDS = {
    "before it asks": b"",
    "in a head": b"GET /heal",
    "in a body": b"POST /hooks/x HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
    "in chunks": b"POST /hooks/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "behind an answer": request("/healthz"),
    "behind many": request("/healthz") * 5 + request("/nothing"),
    "refused": b"nonsense\r\n",
    "too large": b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\nabc",
}


@pytest.mark.parametrize("how", ["by the browser", "in time"])
@pytest.mark.parametrize("asked", ENDS.values(), ids=ENDS)
def test_nothing_is_left_for_the_collector(asked, how):
    playground = Playground()
    playground.start_server()
    browse(playground)  # so that all is loaded
    playground.advance(KEEP_ALIVE, 1)
    gc.collect()
    with loading():
        browser = browse(playground, asked)
        known = [ref(visitor) for visitor in playground.server.visitors]
        if how == "by the browser":
            browser.transport.abortConnection()
        playground.advance(KEEP_ALIVE * 2, 1)
        del browser
        assert [one() for one in known if one() is not None] == []
