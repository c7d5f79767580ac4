"""Clients for programs over the in-memory network: of the real daemon, or in a room of the model server."""

import secrets

from twisted.python.failure import Failure

from chatd.client.api import Client
from chatd.client.core.address import parse_address
from chatd.client.core.session import Remembered, Session
from chatd.client.net.reasons import ending
from chatd.client.net.websocket.endpoint import WebSocketEndpoint
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from chatd.testing import Playground
from tests.client.filing import FileFactory, FileServer, Hands

HOME = origin_of(Options().server)


class MemoryWay:
    """The way to the daemon of a playground, which ``speaks`` natively or, as "web", by WebSocket."""

    def __init__(self, world, speaks="native"):
        self._world = world
        self._speaks = speaks

    def endpoint(self, segment=0):
        del segment
        endpoint = self._world.endpoint(self._speaks)
        if self._speaks == "native":
            return endpoint
        return WebSocketEndpoint(self._world.clock, parse_address("ws://127.0.0.1"), endpoint)

    def ending(self, failure):
        return ending(failure)

    unheard = ending


def make_client(world, nick, *rooms, slot=None, workers=None, way=None, **how):
    """Return a client of ``world`` that has not started; its ``heard`` will hold every notice."""
    options = Options(nick=nick, rooms=rooms, **how)
    remembered = slot.remembered() if slot else Remembered(Session(nick=nick))
    remembered.session.new_token = secrets.token_urlsafe(32)
    clock = world.clock
    client = Client(options, way or MemoryWay(world), slot, remembered, clock, clock.seconds, workers)
    client.heard = []
    client.subscribe(client.heard.append)
    return client


def now(deferred):
    """Return the result that ``deferred`` already has, or raise it."""
    found = []

    def keep(result):
        found.append(result)
        return None if isinstance(result, Failure) else result

    deferred.addBoth(keep)
    assert found, "no result yet"
    if isinstance(found[0], Failure):
        found[0].raiseException()
    return found[0]


class Room:
    """A model server behind an in-memory network, and clients of it."""

    def __init__(self, folder):
        self.world = Playground()
        self.clock = self.world.clock
        self.server = FileServer()
        self.factory = FileFactory(self.server)
        self.world.network.listen(self.factory)
        self.folder = folder
        self.clients = []

    def enter(self, nick="ann", slot=None, hands=None, **how):
        hands = hands or Hands()
        client = make_client(self.world, nick, "#a", slot=slot, workers=hands, **how)
        client.hands = hands
        self.clients.append(client)
        client.start()
        return client

    def slot(self):
        return open_slot("p", HOME, "ann", "ann", folder=self.folder / "profile")

    def advance(self, seconds=1.0):
        for _ in range(round(seconds / 0.05)):
            self.world.advance(0.05)
            self.factory.tell()

    def cut(self):
        for one in self.factory.made:
            if one.transport.connected:
                one.transport.abortConnection()

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def leave(self, client):
        """Stop a client as its process would be lost: what is in its profile stays as it is."""
        self.clients.remove(client)
        client._driver.saving.slot.close()
        client._driver.saving.slot = None
        client.files._notes.close()
        self.cut()
        client.stop()

    @property
    def posted(self):
        """The events in it that post files."""
        return [event for event in self.server.rooms.get("#a", []) if event.kind == "file"]
