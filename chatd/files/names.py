"""Names of files: what a sender may call a file, and what a receiver calls it on its own disk."""

import re
import unicodedata
from typing import Final

from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_FILE_NAME, MAX_MEDIA
from chatd.wire.messages import File
from chatd.wire.names import JOINERS, stray_joiner

SAFE_BYTES: Final = MAX_FILE_NAME - 16
"""Bytes of a name on disk: there is room for what is added to it, such as `` (1)`` and ``.part.json``."""

_HIDDEN: Final = "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
"""Characters that end a line, are invisible, turn the direction of writing or are unassigned; not joiners."""

_bad: Final = re.compile(f"[{_HIDDEN}/\\\\]")
_unsafe: Final = re.compile(f'[{_HIDDEN}<>:"|?*]')
_digest: Final = re.compile("[0-9a-f]{64}")
_media: Final = re.compile("[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")
_device: Final = re.compile(
    "(con|prn|aux|nul|clock\\$|conin\\$|conout\\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\\..*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Names that mean a device on some systems, whatever follows their first dot."""


def check_file(file: File) -> None:
    """Refuse a file with an impossible name, digest or media type. Raises `RequestError` ``bad-file``."""
    check_file_name(file.name)
    check_sha256(file.sha256)
    check_media(file.media)


def check_file_name(name: str) -> None:
    """Refuse a text that cannot name a single file (docs/PROTOCOL.md, "Names of files").

    Raises `RequestError` ``bad-file``.
    """
    fault = _fault(name)
    if fault is not None:
        raise RequestError(Code.BAD_FILE, f"That name of a file is not possible: {fault}; rename it.")


def _fault(name: str) -> str | None:
    bad = _bad.search(name)
    if bad is not None:
        return f"U+{ord(bad[0]):04X} may not be in it"
    stray = stray_joiner(name)
    if stray is not None:
        return f"U+{ord(name[stray]):04X} may only stand between letters that need it"
    if name in {"", ".", ".."}:
        return "it names no file"
    if len(name.encode()) > MAX_FILE_NAME:
        return f"it has more than {MAX_FILE_NAME} bytes"
    return None


def check_sha256(digest: str) -> None:
    """Refuse a text that is not a SHA-256. Raises `RequestError` ``bad-file``."""
    if not _digest.fullmatch(digest):
        raise RequestError(Code.BAD_FILE, "A SHA-256 has 64 hexadecimal digits in lower case.")


def check_media(media: str) -> None:
    """Refuse a text that is not a media type (RFC 6838 section 4.2). Raises `RequestError` ``bad-file``."""
    if len(media) > MAX_MEDIA or not _media.fullmatch(media):
        raise RequestError(
            Code.BAD_FILE, f"A media type looks like text/plain and has {MAX_MEDIA} characters at the most."
        )


def safe_name(name: str) -> str:
    """Return the name under which a stranger's file ``name`` may be put on this disk, on any system.

    It is one visible name of at most `SAFE_BYTES` bytes that is no option, no hidden file and no device. Its
    extension is kept as far as possible.
    """
    last = re.split(r"[/\\]", name)[-1]
    shown = unicodedata.normalize("NFC", _unsafe.sub("_", last))
    stripped = shown.lstrip(" .-~").rstrip(" .")
    while (stray := stray_joiner(stripped)) is not None:
        stripped = f"{stripped[:stray]}_{stripped[stray + 1 :]}"
    if _device.fullmatch(stripped):
        stripped = f"_{stripped}"
    return _shorten(stripped) or "file"


def _shorten(name: str) -> str:
    if len(name.encode()) <= SAFE_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = f"{dot}{extension}".encode()
    if not stem or len(tail) > SAFE_BYTES // 4:
        stem, tail = name, b""
    head = stem.encode()[: SAFE_BYTES - len(tail)]
    return head.decode(errors="ignore").rstrip(f" .{JOINERS}") + tail.decode()
