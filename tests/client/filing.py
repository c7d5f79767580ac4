"""A model server that takes and gives files by the letter of docs/PROTOCOL.md, and a world with a disk."""

import hashlib
from dataclasses import dataclass, field

from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from chatd.client.core.effects import Fetch, Find, Finish, Keep, Over, Settle, Staged
from chatd.client.core.steps import Failed, Fetched, Finished, Found, Kept, ReceiveFile, SendFile, Settled
from chatd.wire.errors import Code
from chatd.wire.frames import chunk
from chatd.wire.messages import Cancel, Download, Error, File, Ok, Progress, Upload
from tests.client.model import LIMITS, Conn, ModelServer, World


def file_of(data, name="x"):
    return File(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


class FileServer(ModelServer):
    """Blobs in memory; ``lies`` is what a client did that it may not, ``carried`` the bytes of chunks."""

    def __init__(self):
        super().__init__()
        self.blobs = {}
        self.partial = {}
        self.lies = []
        self.carried = 0
        self.slow = False

    def connection(self):
        return FileConn(self)

    def put(self, room, data, name="x"):
        file = file_of(data, name)
        self.blobs[file.sha256] = data
        return self.post(room, "bob", kind="file", file=file)


@dataclass
class Coming:
    file: File
    data: bytearray
    stored: int


@dataclass
class Going:
    data: bytes
    sent: int
    received: int


class FileConn(Conn):
    def __init__(self, server):
        super().__init__(server)
        self.coming: dict[int, Coming] = {}
        self.going: dict[int, Going] = {}
        self.past = 0
        self.cancelled = set()

    def close(self):
        for one in self.coming.values():
            self.server.partial[one.file.sha256] = bytes(one.data[: one.stored])
        self.coming.clear()
        self.going.clear()
        super().close()

    def _lie(self, what):
        self.server.lies.append(what)
        self._end(Error(code=Code.BAD_CHUNK, text=what))

    def _begin(self, request):
        if request.transfer <= self.past:
            self._lie("a number that is not higher")
        self.past = request.transfer
        if len(self.coming) + len(self.going) >= LIMITS.transfers:
            self.server.lies.append("too many at once")
            self.say(Error(id=request.id, code=Code.TOO_MANY_TRANSFERS, text="too many"))
            return False
        if self.server.full:
            self.say(Error(id=request.id, code=Code.STORAGE_UNAVAILABLE, text="full"))
            return False
        return True

    def _upload(self, upload: Upload):
        if not self._begin(upload):
            return
        file = File(name="", size=upload.size, sha256=upload.sha256)
        data = self.server.blobs.get(upload.sha256, self.server.partial.get(upload.sha256, b""))
        self.say(Ok(id=upload.id, offset=len(data)))
        if len(data) < upload.size:
            self.coming[upload.transfer] = Coming(file, bytearray(data), len(data))
        elif not upload.size:
            self.server.blobs[upload.sha256] = b""

    def _chunk(self, transfer, offset, data):
        one = self.coming.get(transfer)
        if one is None:
            if transfer not in self.cancelled:
                self._lie("a chunk of nothing")
            return
        if offset != len(one.data) or offset + len(data) > one.file.size:
            self._lie("a chunk that does not follow")
            return
        self.server.carried += len(data)
        one.data += data
        if len(one.data) - one.stored > 2 * LIMITS.window:
            self.server.lies.append("more than a window")
        if not self.server.slow:
            self.store(transfer)

    def store(self, transfer):
        one = self.coming[transfer]
        one.stored = len(one.data)
        if one.stored < one.file.size:
            self.say(Progress(transfer=transfer, received=one.stored, stored=one.stored))
            return
        del self.coming[transfer]
        if file_of(bytes(one.data)).sha256 != one.file.sha256:
            self.server.partial.pop(one.file.sha256, None)
            self.cancelled.add(transfer)
            self.say(Cancel(transfer=transfer, code=Code.HASH_MISMATCH, text="mismatch"))
            return
        self.server.blobs[one.file.sha256] = bytes(one.data)
        self.say(Progress(transfer=transfer, received=one.file.size, stored=one.file.size))

    def _download(self, download: Download):
        if not self._begin(download):
            return
        events = [event for event in self.server.rooms.get(download.room, []) if event.file is not None]
        if download.seq is not None:
            events = [event for event in events if event.seq == download.seq]
        else:
            events = [event for event in events if event.file.sha256.startswith(download.file)]
        if not events:
            self.say(Error(id=download.id, code=Code.NO_SUCH_FILE, text="none"))
            return
        event, data = events[-1], self.server.blobs[events[-1].file.sha256]
        self.say(Ok(id=download.id, seq=event.seq, offset=download.offset, file=event.file))
        if download.offset < len(data):
            self.going[download.transfer] = Going(data, download.offset, download.offset)
            self.feed()

    def feed(self, size=700):
        for transfer, one in self.going.items():
            while one.sent < len(one.data) and one.sent < one.received + LIMITS.window:
                end = min(one.sent + size, one.received + LIMITS.window)
                part = one.data[one.sent : end]
                self.out += chunk(transfer, one.sent, part)
                self.server.carried += len(part)
                one.sent += len(part)

    def _progress(self, progress: Progress):
        one = self.going.get(progress.transfer)
        if one is None:
            return
        if not one.received <= progress.received <= one.sent or progress.stored > progress.received:
            self._lie("progress that cannot be")
        one.received = progress.received
        if one.received == len(one.data):
            del self.going[progress.transfer]
        self.feed()

    def _cancel(self, cancel: Cancel):
        self.cancelled.add(cancel.transfer)
        self.going.pop(cancel.transfer, None)
        one = self.coming.pop(cancel.transfer, None)
        if one is not None:
            self.server.partial[one.file.sha256] = bytes(one.data[: one.stored])

    def _send(self, send):
        if send.file is not None and send.file.sha256 not in self.server.blobs:
            self.say(Error(id=send.id, code=Code.NO_SUCH_FILE, text="not uploaded"))
        else:
            super()._send(send)


class FileProtocol(Protocol):
    """A connection to a model server over a transport; disks there need no time unless ``slow``."""

    def __init__(self, server):
        self.conn = server.connection()

    def dataReceived(self, data):
        self.conn.receive(data)
        self.flush()

    def flush(self):
        if self.transport is None:
            return  # it was refused
        out, self.conn.out = bytes(self.conn.out), bytearray()
        self.transport.write(out)
        if self.conn.closed:
            self.transport.loseConnection()

    def connectionLost(self, _):
        self.conn.close()


class FileFactory(Factory):
    """Accepts connections for a model server; `tell` carries what others have caused to be said."""

    def __init__(self, server):
        self.server = server
        self.made = []

    def buildProtocol(self, _):
        self.made.append(FileProtocol(self.server))
        return self.made[-1]

    def tell(self):
        for one in self.made:
            one.flush()


class Hands:
    """Workers that do a job when `work` is called, or at once if ``quick``; there are no threads in tests."""

    def __init__(self, quick=True):
        self.quick = quick
        self.jobs = []

    def submit(self, job, done):
        self.jobs.append((job, done))
        if self.quick:
            self.work()

    def work(self):
        while self.jobs:
            job, done = self.jobs.pop(0)
            try:
                result = job()
            except BaseException:  # noqa: BLE001 - as a thread pool does
                result = Failure()
            done(result)


@dataclass
class Place:
    """What of a download lies on the client's disk: all that was written, and how much of it is safe."""

    file: File
    data: bytearray = field(default_factory=bytearray)
    stored: int = 0
    whole: bool = False


class Filing(World):
    """A world in which errands wait until `work` does them, as threads would."""

    def begin(self):
        self.errands = []
        self.keys = 0
        self.sources = {}
        self.places = {}
        self.wanted = {}
        self.over = {}
        self.stages = {}
        super().begin()

    def send(self, data, name="x"):
        self.keys += 1
        self.change(SendFile(self.keys, file_of(data, name)))
        self.sources[self.keys] = data
        return self.keys

    def fetch(self, room, seq, left=None):
        """Begin a download; ``left`` is the place that an earlier run has left."""
        self.keys += 1
        self.change(ReceiveFile(self.keys, room, seq, ""))
        self.wanted[self.keys] = left
        return self.keys

    def change(self, step):
        self.perform(self.machine.orders.transfer(step, self.now))

    def _later(self, errand):
        self.errands.append(errand)

    _fetch = _find = _keep = _settle = _finish = _later

    def _over(self, over: Over):
        assert over.key not in self.over
        self.over[over.key] = over

    def _staged(self, staged: Staged):
        moving = self.machine.requests.transfers.all.get(staged.key)
        self.stages.setdefault(staged.key, []).append(moving and moving.stage)

    def work(self, count=1 << 30):
        """Do so many errands; those of one transfer in their order, as a strand does."""
        while self.errands and count:
            count -= 1
            errand = self.errands.pop(0)
            self.change(_WORK[type(errand)](self, errand))

    def _do_fetch(self, errand: Fetch):
        data = self.sources[errand.key][errand.offset : errand.offset + errand.size]
        return Fetched(errand.key, errand.run, data)

    def _do_find(self, errand: Find):
        assert errand.key not in self.places, "two places for one file"
        place = self.places[errand.key] = self.wanted.get(errand.key) or Place(errand.file)
        return Found(errand.key, place.stored)

    def _do_keep(self, errand: Keep):
        place = self.places[errand.key]
        for part in errand.data:
            place.data += part
        if len(place.data) - place.stored > 2000:
            place.stored = len(place.data)
        return Kept(errand.key, len(place.data), place.stored)

    def _do_settle(self, errand: Settle):
        place = self.places[errand.key]
        place.stored = len(place.data)
        return Settled(errand.key, place.stored)

    def _do_finish(self, errand: Finish):
        place = self.places[errand.key]
        if file_of(bytes(place.data)).sha256 == place.file.sha256:
            place.whole = True
            return Finished(errand.key)
        return Failed(errand.key, "hash-mismatch", "mismatch")

    def settle(self, rounds=60):
        self.reachable, self.server.full, self.server.slow = True, False, False
        for _ in range(rounds):
            self.dial()
            self.work()
            self.carry_up()
            for conn in list(self.conns.values()):
                for transfer in list(conn.coming):
                    conn.store(transfer)
            self.carry_down()
            self.flush()
            self.work()
            self.wait(0.1)
        self.flush()


_WORK = {
    Fetch: Filing._do_fetch,
    Find: Filing._do_find,
    Keep: Filing._do_keep,
    Settle: Filing._do_settle,
    Finish: Filing._do_finish,
}
