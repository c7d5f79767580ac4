"""Steps: inputs that begin or end a transfer, or tell what became of one of its errands."""

from dataclasses import dataclass

from chatd.wire.messages import File


@dataclass(frozen=True, slots=True)
class SendFile:
    """Bring ``file`` to the server; its errands and its end name ``key``, which was never used before."""

    key: int
    file: File


@dataclass(frozen=True, slots=True)
class ReceiveFile:
    """Have the file of event ``seq`` of ``room`` sent, or the newest whose SHA-256 begins with ``prefix``."""

    key: int
    room: str
    seq: int | None
    prefix: str


@dataclass(frozen=True, slots=True)
class Drop:
    """End a transfer for which nobody waits any more; no errand names it from now on."""

    key: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to `Fetch`: what was read of a file that is sent."""

    key: int
    run: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to `Find`: a download has its place, where ``stored`` bytes of it lie already."""

    key: int
    stored: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer to `Keep`: how much of a download is written, and on the disk."""

    key: int
    written: int
    stored: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to `Settle`: how much of a download is on the disk, after its link was lost."""

    key: int
    stored: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer to `Finish`: a download is verified and in its place."""

    key: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer to any errand: our side of a transfer cannot go on."""

    key: int
    code: str
    text: str


Step = SendFile | ReceiveFile | Drop | Fetched | Found | Kept | Settled | Finished | Failed
