"""Why a connection failed or ended, in words that a person understands."""

import pytest
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from chatd.client.reasons import ending

_TOLD = error.ConnectError(string=Failure(error.ConnectionDone()))
"""What Twisted makes of an ICMP answer to the first packet, whose error number it does not ask for."""


@pytest.mark.parametrize(
    ("problem", "text", "answered"),
    [
        (error.ConnectionRefusedError(osError=111), "refused: nothing listens there", False),
        (error.NoRouteError(osError=101), "the network is unreachable", False),
        (error.ConnectError(osError=113), "the host is unreachable", False),
        (_TOLD, "a router on the way says that it is unreachable", False),
        (error.TimeoutError(), "timed out", False),
        (error.UserError(), "timed out", False),
        (CancelledError(), "timed out", False),
        (error.DNSLookupError(), "name not found", False),
        (error.ConnectionDone(), "closed by the server or on the way", True),
        (error.ConnectionLost(), "closed by the server or on the way", True),
    ],
)
def test_a_failure_has_words(problem, text, answered):
    found = ending(Failure(problem))
    assert (found.text, found.answered, found.code) == (text, answered, "")
