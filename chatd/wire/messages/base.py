"""What messages consist of: their base, the types of their fields, and the file that some name."""

from typing import Annotated

from msgspec import Meta, Struct

from chatd.wire.frames import MAX_TRANSFER
from chatd.wire.limits import MAX_INT, MAX_INVITE, MAX_PASSWORD, MAX_TRAIL, PAGE_ROWS

Count = Annotated[int, Meta(ge=0, le=MAX_INT)]
Seconds = Annotated[float, Meta(ge=0)]
Page = Annotated[int, Meta(ge=1, le=PAGE_ROWS)]
Password = Annotated[str, Meta(max_length=MAX_PASSWORD)]
NewToken = Annotated[str, Meta(pattern="^([A-Za-z0-9_-]{43})?$")]
"""32 random bytes in URL-safe Base64 without padding (RFC 4648, section 5), or nothing."""
InviteCode = Annotated[str, Meta(max_length=MAX_INVITE)]
Transfer = Annotated[int, Meta(ge=1, le=MAX_TRANSFER)]
Check = Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
Trail = Annotated[list[tuple[Count, Check]], Meta(max_length=MAX_TRAIL)]
"""Events seen of a room, as their numbers and checks (`chatd.wire.check`)."""


class Message(Struct, tag_field="t", omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """One message of either side."""


class File(Struct, omit_defaults=True, frozen=True, kw_only=True, gc=False):
    """A file: what it was called, its bytes, their SHA-256 in 64 hexadecimal digits, and its media type."""

    name: str
    size: Count
    sha256: str
    media: str = "application/octet-stream"
