"""The client for asyncio programs (docs/API.md): `connect`, what it returns, and what it raises.

It runs on the loop that runs, and shows nothing of Twisted. Nothing else of the client may call it.
"""

from chatd.client.aio.client import Client, connect
from chatd.client.aio.event import Event
from chatd.client.core.problems import ClientError
from chatd.client.core.rooms import Followed
from chatd.client.values import Hit, Hits, Options, Page, Sent, Status, Waiting
from chatd.wire.errors import RequestError

__all__ = [
    "Client",
    "ClientError",
    "Event",
    "Followed",
    "Hit",
    "Hits",
    "Options",
    "Page",
    "RequestError",
    "Sent",
    "Status",
    "Waiting",
    "connect",
]
