"""A connection over IRC that has ended is freed at once, however it ended."""

import gc
from weakref import ref

import pytest

from chatd.memory import loading

ENDS = {
    "before it says anything": [],
    "in a line": [b"NICK a"],
    "in registration": ["CAP LS 302", "NICK ada"],
    "in SASL": ["CAP REQ sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE AGFkYQBhLXBhc3N3b3Jk"],
    "in a room": ["NICK ada", "USER a 0 * :a", "JOIN #tea", "PRIVMSG #tea :x", "WHOIS ada", "MONITOR + bea"],
    "by itself": ["NICK ada", "USER a 0 * :a", "JOIN #tea", "QUIT :bye"],
    "refused": ["GET / HTTP/1.1"],
}


@pytest.mark.parametrize("asked", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("seconds", [0, 0.3])
def test_nothing_is_left_for_the_collector(place, asked, seconds):
    place.enter("eve").send("QUIT")  # so that all is loaded
    place.advance(1)
    gc.collect()
    with loading():
        client = place.connect()
        client.send(*asked)
        place.advance(seconds)
        server = place.playground.server
        protocols = [one.protocol for one in server.connections if one.protocol is not None]
        known = [ref(part) for one in protocols for part in (one, one.client, one.client.dialect)]
        protocols.clear()
        client.transport.abortConnection()
        place.advance(8)
        del client
        place.playground.network._pipes.clear()
        assert [one() for one in known if one() is not None] == []
