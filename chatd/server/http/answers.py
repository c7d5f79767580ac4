"""Answers in JSON: refusals with their stable code and a sentence, as on every other wire."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from twisted.web.http import RESPONSES
from twisted.web.server import Request

from chatd.wire.errors import ChatdError, Code

JSON: Final = b"application/json"

_BAD: Final = 400
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TIMEOUT: Final = 408
_TOO_LARGE: Final = 413
_TOO_MANY: Final = 429
_HEAD_TOO_LARGE: Final = 431
_UNAVAILABLE: Final = 503

STATUS: Final[Mapping[Code, int]] = {
    Code.ACCOUNT_NEEDED: _UNAUTHORIZED,
    Code.WRONG_PASSWORD: _UNAUTHORIZED,
    Code.ADDRESS_BANNED: _FORBIDDEN,
    Code.SECURE_REQUIRED: _FORBIDDEN,
    Code.NOT_A_MEMBER: _FORBIDDEN,
    Code.NOT_ALLOWED: _FORBIDDEN,
    Code.BANNED: _FORBIDDEN,
    Code.REMOVED: _FORBIDDEN,
    Code.MUTED: _FORBIDDEN,
    Code.ARCHIVED: _FORBIDDEN,
    Code.NO_SUCH_HOOK: _NOT_FOUND,
    Code.NO_SUCH_PAGE: _NOT_FOUND,
    Code.NO_SUCH_ROOM: _NOT_FOUND,
    Code.NO_SUCH_USER: _NOT_FOUND,
    Code.NO_SUCH_EVENT: _NOT_FOUND,
    Code.HELLO_TIMEOUT: _TIMEOUT,
    Code.TEXT_TOO_LONG: _TOO_LARGE,
    Code.FRAME_TOO_LARGE: _HEAD_TOO_LARGE,
    Code.TOO_FAST: _TOO_MANY,
    Code.SLOW_MODE: _TOO_MANY,
    Code.TOO_MANY_CONNECTIONS: _UNAVAILABLE,
    Code.STORAGE_UNAVAILABLE: _UNAVAILABLE,
    Code.CANCELLED: _UNAVAILABLE,
}
"""The status of a refusal, by its code; every other one is 400."""


def body_of(error: ChatdError) -> bytes:
    """Return what is said about ``error``."""
    said: dict[str, Any] = {"error": error.code, "text": error.text}
    if error.retry_after is not None:
        said["retry_after"] = error.retry_after
    return msgspec.json.encode(said) + b"\n"


def refuse(request: Request, error: ChatdError) -> bytes:
    """Make ``error`` the answer to ``request``; return its body."""
    request.setResponseCode(STATUS.get(error.code, _BAD))
    if error.retry_after is not None:
        request.setHeader(b"retry-after", b"%d" % max(1, math.ceil(error.retry_after)))
    return in_json(request, body_of(error))


def in_json(request: Request, body: bytes) -> bytes:
    """Make ``body`` the answer to ``request``, in JSON; return it."""
    request.setHeader(b"content-type", JSON)
    request.setHeader(b"cache-control", b"no-store")
    return body


def last_answer(error: ChatdError) -> bytes:
    """Return the whole answer to what is no request, behind which the connection ends."""
    status, body = STATUS.get(error.code, _BAD), body_of(error)
    head = [
        b"HTTP/1.1 %d %s" % (status, RESPONSES.get(status, b"Refused")),
        b"Content-Type: " + JSON,
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    if error.retry_after is not None:
        head.append(b"Retry-After: %d" % max(1, math.ceil(error.retry_after)))
    return b"\r\n".join([*head, b"", body])
