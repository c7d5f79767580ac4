"""One file that is being received, over one link after the other."""

from chatd.client.core.effects import Errand, Find, Finish, Keep, Settle
from chatd.client.core.stages import Stage
from chatd.files.incoming import Incoming
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.messages import Download, File, Ok, Progress, Request


class Receiving:
    """A download. ``number`` names it on the present link, 0 where it was not asked for there.

    It is asked for without an offset at first: only the answer tells which file it is, and so how much of it
    an earlier run has left. Until that is known nothing is said to be received. ``incoming`` is what the link
    has brought of it once it is agreed on. The errands are done in order, so none is answered for an older
    link once that has settled.
    """

    sending = False

    def __init__(self, key: int, room: str, seq: int | None, prefix: str) -> None:
        self.key = key
        self.room = room
        self.seq = seq
        self.file: File | None = None
        self.stage = Stage.WAITING
        self.reason = ""
        self.number = self.request = 0
        self.retry_at = 0.0
        self.incoming: Incoming | None = None
        self.done = 0
        self.finishing = False
        self._prefix = prefix
        self._open = self._finding = self._settling = self._writing = False
        self._pending: list[bytes | memoryview] = []

    @property
    def verifying(self) -> bool:
        """Return whether all has come, and is being looked at."""
        return self.finishing

    def ready(self) -> bool:
        """Return whether it can be asked for on a link: not before it is known what of it lies here."""
        return not (self._finding or self._settling or self.finishing)

    def ask(self, request: int, number: int) -> Request:
        """Return the request that begins it, or goes on, on the present link."""
        self.request, self.number = request, number
        prefix = "" if self.seq is not None else self._prefix
        return Download(
            id=request, transfer=number, room=self.room, seq=self.seq, file=prefix, offset=self.done
        )

    def differs(self, ok: Ok) -> bool:
        """Return whether the answer tells of another file than before: an older copy was restored there."""
        if self.file is None or ok.file is None:
            return False
        return (ok.file.sha256, ok.file.size) != (self.file.sha256, self.file.size)

    def accepted(self, ok: Ok, window: int) -> list[Errand]:
        """Take the file that the answer tells of."""
        file = ok.file
        if file is None or ok.offset != self.done or ok.offset > file.size:
            raise ProtocolError(Code.BAD_MESSAGE, "It answers a download without a file, or from elsewhere.")
        if not self._is_asked_for(ok, file):
            raise ProtocolError(Code.BAD_MESSAGE, "It answers a download with another file.")
        self.file = self.file or file
        self.seq = self.seq if ok.seq is None else ok.seq
        self.incoming = Incoming(self.number, file.size, ok.offset, window)
        if self._open:
            return self.errands()
        self._finding = True
        return [Find(self.key, self.file)]

    def _is_asked_for(self, ok: Ok, file: File) -> bool:
        if self.seq is not None:
            return ok.seq in {None, self.seq}
        return file.sha256.startswith(self._prefix)

    def found(self, stored: int) -> bool:
        """Note that its place holds ``stored`` bytes; return whether to ask anew, from there on."""
        self._open, self._finding = True, False
        self.done = stored
        return stored > 0

    def take(self, offset: int, data: memoryview) -> None:
        """Take in a chunk."""
        if self.incoming is not None:
            self.incoming.chunk(offset, len(data))
            self._pending.append(data)

    def errands(self) -> list[Errand]:
        """Return what is to be done with what has come."""
        if self._writing or self._settling or self.finishing or not self._open:
            return []
        if self._pending:
            self._writing = True
            data, self._pending = tuple(self._pending), []
            return [Keep(self.key, data)]
        if self._whole():
            self.finishing = True
            return [Finish(self.key)]
        return []

    def _whole(self) -> bool:
        written = self.done if self.incoming is None else self.incoming.written
        return self.file is not None and written == self.file.size

    def kept(self, written: int, stored: int) -> None:
        """Note how much is written, and on the disk; where the link is gone, `settled` will tell."""
        if self.incoming is not None:
            self._writing = False
            self.done = stored
            self.incoming.wrote(written)
            self.incoming.keep(stored)

    def progress(self) -> Progress | None:
        """Return what the server is to be told, if there is news."""
        return self.incoming.due() if self.incoming is not None and self._open else None

    def broken_off(self) -> list[Errand]:
        """Note that the link is gone, or the transfer is given up; store what has come of it."""
        self.number = self.request = 0
        self.incoming = None
        pending, self._pending = tuple(self._pending), []
        if self.finishing or self._settling or not self._open:
            return []
        self._settling = True
        rest: list[Errand] = [Keep(self.key, pending)] if pending else []
        return [*rest, Settle(self.key)]

    def forget_link(self) -> None:
        """Note that the transfer is given up because it began elsewhere than where our disk ends."""
        self.number = self.request = 0
        self.incoming = None
        self._pending = []

    def settled(self, stored: int) -> None:
        """Note how much is on the disk now that the link is gone."""
        self._settling = self._writing = False
        self.done = stored

    def finished(self) -> Progress | None:
        """Return what the server is to be told now that the file is in its place."""
        if self.incoming is None:
            return None
        self.incoming.finish()
        return self.incoming.due()
