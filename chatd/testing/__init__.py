"""An in-memory network for tests: real protocols over a fake wire and a fake clock, and a store in memory.

Part of the supported API: whoever writes a client or a bot can test it against the real daemon's protocol
without sockets, and cut, slow down or heal the link at will::

    world = Playground()
    server = world.start_server()
    bot = world.connect(MyProtocol())
    world.advance(1.0)
    world.network.cut()

Nothing here waits for real time; nothing happens until `Playground.advance` is called.
"""

from chatd.testing.network import BUFFER, MemoryEndpoint, MemoryTransport, Network, Pipe, Refused
from chatd.testing.playground import START_OF_TIME, Playground
from chatd.testing.store import MemoryStore

__all__ = [
    "BUFFER",
    "START_OF_TIME",
    "MemoryEndpoint",
    "MemoryStore",
    "MemoryTransport",
    "Network",
    "Pipe",
    "Playground",
    "Refused",
]
