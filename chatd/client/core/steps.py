"""Steps: inputs that begin or end a transfer, or tell what became of one of its errands."""

from msgspec import Struct

from chatd.wire.messages import File


class SendFile(Struct, frozen=True):
    """Bring ``file`` to the server; its errands and its end name ``key``, which was never used before."""

    key: int
    file: File


class ReceiveFile(Struct, frozen=True):
    """Have the file of event ``seq`` of ``room`` sent, or the newest whose SHA-256 begins with ``prefix``."""

    key: int
    room: str
    seq: int | None
    prefix: str


class Drop(Struct, frozen=True):
    """End a transfer for which nobody waits any more; no errand names it from now on."""

    key: int


class Fetched(Struct, frozen=True):
    """The answer to `Fetch`: what was read of a file that is sent."""

    key: int
    run: int
    data: bytes


class Found(Struct, frozen=True):
    """The answer to `Find`: a download has its place, where ``stored`` bytes of it lie already."""

    key: int
    stored: int


class Kept(Struct, frozen=True):
    """The answer to `Keep`: how much of a download is written, and on the disk."""

    key: int
    written: int
    stored: int


class Settled(Struct, frozen=True):
    """The answer to `Settle`: how much of a download is on the disk, after its link was lost."""

    key: int
    stored: int


class Finished(Struct, frozen=True):
    """The answer to `Finish`: a download is verified and in its place."""

    key: int


class Failed(Struct, frozen=True):
    """The answer to any errand: our side of a transfer cannot go on."""

    key: int
    code: str
    text: str


Step = SendFile | ReceiveFile | Drop | Fetched | Found | Kept | Settled | Finished | Failed
