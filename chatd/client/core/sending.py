"""One file that is being sent, over one link after the other."""

from chatd.client.core.effects import Fetch
from chatd.client.core.stages import Stage
from chatd.files.outgoing import Outgoing
from chatd.wire.errors import Code, ProtocolError
from chatd.wire.messages import File, Ok, Request, Upload


class Sending:
    """An upload. ``number`` names it on the present link, 0 where it was not asked for there.

    ``outgoing`` is what the link has of it once it is agreed on. ``run`` changes with every such agreement:
    what was read for an older one is of no use any more.
    """

    sending = True

    def __init__(self, key: int, file: File) -> None:
        self.key = key
        self.file = file
        self.stage = Stage.WAITING
        self.reason = ""
        self.number = self.request = self.run = 0
        self.retry_at = 0.0
        self.outgoing: Outgoing | None = None
        self._stored = 0

    @property
    def done(self) -> int:
        """Return how many bytes are safe on the server's disk, as far as is known."""
        return self._stored if self.outgoing is None else self.outgoing.stored

    @property
    def complete(self) -> bool:
        """Return whether the server has all of it, verified and on its disk."""
        return self.outgoing is not None and self.outgoing.stored == self.file.size

    @property
    def verifying(self) -> bool:
        """Return whether all has arrived, and the server looks whether it is right."""
        return self.outgoing is not None and self.outgoing.received == self.file.size

    def ready(self) -> bool:
        """Return whether it can be asked for on a link."""
        return True

    def ask(self, request: int, number: int) -> Request:
        """Return the request that begins it, or goes on, on the present link."""
        self.request, self.number = request, number
        return Upload(id=request, transfer=number, size=self.file.size, sha256=self.file.sha256)

    def accepted(self, ok: Ok, window: int) -> Outgoing:
        """Go on where the server's disk ends."""
        if ok.offset is None or ok.offset > self.file.size:
            raise ProtocolError(Code.BAD_MESSAGE, "It says that it has more of a file than there is.")
        self.run += 1
        self.outgoing = Outgoing(self.number, self.file.size, ok.offset, window)
        return self.outgoing

    def broken_off(self) -> Outgoing | None:
        """Note that the link is gone, or the server gave it up; return what was under way on the link."""
        self._stored = self.done
        outgoing, self.outgoing = self.outgoing, None
        self.number = self.request = 0
        return outgoing

    def fetch(self, about: float) -> Fetch | None:
        """Return what is to be read now, about so many bytes, if anything."""
        wanted = None if self.outgoing is None else self.outgoing.wants(about)
        return None if wanted is None else Fetch(self.key, self.run, *wanted)

    def fetched(self, run: int, data: bytes) -> None:
        """Take in what was read for ``run``."""
        if run == self.run and self.outgoing is not None:
            self.outgoing.filled(data)
