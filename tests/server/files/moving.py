"""A client for tests that moves files by the letter of the protocol, and lies where it is told to."""

import hashlib
from functools import lru_cache

from chatd.wire import messages as m
from chatd.wire.frames import FrameType, chunk, frame, split_chunk
from chatd.wire.limits import WINDOW
from chatd.wire.native import decode_from_server
from tests.helpers import Talker


def content_of(size, seed=b"content"):
    return hashlib.shake_128(seed).digest(size)


@lru_cache(64)
def digest_of(content):
    return hashlib.sha256(content).hexdigest()


def file_of(content, name="a.bin", media="application/octet-stream"):
    return m.File(name=name, size=len(content), sha256=digest_of(content), media=media)


class Mover(Talker):
    """Sends what `put` was given as the window allows, and takes downloads; ``accepting`` tells progress."""

    def __init__(self, *first, accepting=True):
        super().__init__(*first)
        self.accepting = accepting
        self.came = {}
        self.order = []
        self.sent = {}
        self.chunk_size = 60_000
        self._sources = {}
        self._ids = iter(range(500, 10_000))
        self._transfers = iter(range(1, 10_000))

    def dataReceived(self, data):
        self.decoder.feed(data)
        while (taken := self.decoder.take()) is not None:
            kind, payload = taken
            if kind is FrameType.PING:
                self.transport.write(frame(FrameType.PONG, payload))
            elif kind is FrameType.CHUNK:
                self._chunk(*split_chunk(payload))
            elif kind is FrameType.MESSAGE:
                message = decode_from_server(payload)
                self.heard.append(message)
                self.order.append(type(message).__name__)
                if isinstance(message, m.Progress):
                    self.push(message.transfer)
                elif isinstance(message, m.Ok) and message.id in self._sources:
                    self._begin(message)

    # ---- up -----------------------------------------------------------------------------------------

    def put(self, content, size=None, sha256=None):
        """Upload ``content``; return the number of the transfer and the id of its request."""
        transfer, request = next(self._transfers), next(self._ids)
        self._sources[request] = (transfer, content)
        self.say(
            m.Upload(
                id=request,
                transfer=transfer,
                size=len(content) if size is None else size,
                sha256=sha256 or digest_of(content),
            )
        )
        return transfer, request

    def _begin(self, ok):
        transfer, content = self._sources[ok.id]
        self._sources[transfer] = content
        self.sent[transfer] = ok.offset
        self.push(transfer, ok.offset)

    def push(self, transfer, received=None):
        content = self._sources.get(transfer)
        if content is None:
            return
        if received is None:
            received = max(p.received for p in self.of(m.Progress) if p.transfer == transfer)
        at = self.sent[transfer]
        while at < min(len(content), received + WINDOW):
            piece = content[at : min(at + self.chunk_size, received + WINDOW)]
            self.transport.write(chunk(transfer, at, piece))
            at += len(piece)
        self.sent[transfer] = at

    def stored(self, transfer):
        return max((p.stored for p in self.of(m.Progress) if p.transfer == transfer), default=0)

    # ---- down ---------------------------------------------------------------------------------------

    def get(self, room, seq=None, offset=0, file=""):
        """Download; return the number of the transfer and the id of its request."""
        transfer, request = next(self._transfers), next(self._ids)
        self.came[transfer] = bytearray()
        self.say(m.Download(id=request, transfer=transfer, room=room, seq=seq, offset=offset, file=file))
        return transfer, request

    def _chunk(self, transfer, offset, data):
        self.order.append(transfer)
        self.came[transfer] += data
        if self.accepting:
            self.confirm(transfer, offset + len(data))

    def confirm(self, transfer, received, stored=0):
        self.say(m.Progress(transfer=transfer, received=received, stored=stored))

    # ---- what was heard -----------------------------------------------------------------------------

    def answer(self, request):
        found = [message for message in self.heard if getattr(message, "id", None) == request]
        return found[0] if found else None

    def post(self, room, file, n, text=""):
        request = next(self._ids)
        self.say(m.Send(id=request, n=n, room=room, text=text, file=file))
        return request
