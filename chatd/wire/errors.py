"""Refusals: every stable error code of the protocol (docs/PROTOCOL.md, "Errors")."""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """The stable name of a refusal; programs branch on it, people read the text beside it."""

    # The connection ends: the peer's bytes make no sense.
    FRAME_TOO_LARGE = "frame-too-large"
    BAD_FRAME = "bad-frame"
    BAD_MESSAGE = "bad-message"
    BAD_CHUNK = "bad-chunk"
    HELLO_EXPECTED = "hello-expected"
    HELLO_REPEATED = "hello-repeated"
    HELLO_TIMEOUT = "hello-timeout"
    # The connection ends: the hello was refused.
    VERSION_UNSUPPORTED = "version-unsupported"
    UNKNOWN_SESSION = "unknown-session"
    NICK_TAKEN = "nick-taken"
    BAD_NICK = "bad-nick"
    CURSOR_BEYOND_HEAD = "cursor-beyond-head"
    ADDRESS_BANNED = "address-banned"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TOO_MANY_USERS = "too-many-users"
    TOO_MANY_DEVICES = "too-many-devices"
    TOO_FAST = "too-fast"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - the name of a refusal
    BAD_PASSWORD = "bad-password"  # noqa: S105 - the name of a refusal
    WRONG_CERTIFICATE = "wrong-certificate"
    SECURE_REQUIRED = "secure-required"
    GUESTS_REFUSED = "guests-refused"
    CLOSED_REGISTRATION = "closed-registration"
    BAD_INVITE = "bad-invite"
    LOGIN_UNAVAILABLE = "login-unavailable"
    # The request was refused, the connection lives.
    UNSUPPORTED = "unsupported"
    ACCOUNT_NEEDED = "account-needed"
    NO_SUCH_SESSION = "no-such-session"
    TOO_MANY_INVITES = "too-many-invites"
    NO_CERTIFICATE = "no-certificate"
    NO_SUCH_CERTIFICATE = "no-such-certificate"
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    BAD_ROOM = "bad-room"
    NO_SUCH_ROOM = "no-such-room"
    NO_SUCH_PAGE = "no-such-page"
    NO_SUCH_USER = "no-such-user"
    NOT_A_MEMBER = "not-a-member"
    NOT_ALLOWED = "not-allowed"
    BANNED = "banned"
    REMOVED = "removed"
    MUTED = "muted"
    SLOW_MODE = "slow-mode"
    ARCHIVED = "archived"
    NO_SUCH_HOOK = "no-such-hook"
    TOO_MANY_HOOKS = "too-many-hooks"
    ALREADY_A_MEMBER = "already-a-member"
    NO_SUCH_ACT = "no-such-act"
    NO_SUCH_EVENT = "no-such-event"
    TOO_MANY_EDITS = "too-many-edits"
    TOO_MANY_REACTIONS = "too-many-reactions"
    TOO_MANY_PINS = "too-many-pins"
    BAD_EMOJI = "bad-emoji"
    BAD_QUERY = "bad-query"
    TOO_MANY_ACTS = "too-many-acts"
    BAD_VALUE = "bad-value"
    TOO_MANY_NICKS = "too-many-nicks"
    TOO_MANY_ROOMS = "too-many-rooms"
    ROOM_TAKEN = "room-taken"
    KEY_NEEDED = "key-needed"
    ROOM_FULL = "room-full"
    NO_MORE_ROOMS = "no-more-rooms"
    TOO_MANY_DIRECT = "too-many-direct"
    EMPTY_TEXT = "empty-text"
    TEXT_TOO_LONG = "text-too-long"
    CONTROL_CHARACTER = "control-character"
    OUT_OF_ORDER = "out-of-order"
    STORAGE_UNAVAILABLE = "storage-unavailable"
    BAD_FILE = "bad-file"
    NO_SUCH_FILE = "no-such-file"
    FILE_EXPIRED = "file-expired"
    FILE_TOO_LARGE = "file-too-large"
    BAD_OFFSET = "bad-offset"
    TOO_MANY_TRANSFERS = "too-many-transfers"
    QUOTA_EXCEEDED = "quota-exceeded"
    STORE_FULL = "store-full"
    # The transfer was ended, the connection lives.
    HASH_MISMATCH = "hash-mismatch"
    CANCELLED = "cancelled"


class ChatdError(Exception):
    """A sentence for people with a stable code for programs; ``retry_after`` is in seconds."""

    def __init__(
        self, code: Code, text: str, suggest: str = "", room: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.suggest = suggest
        self.room = room
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.text} ({self.code})"


class ProtocolError(ChatdError):
    """The peer broke the protocol or may not come in: one error, then the connection ends."""


class RequestError(ChatdError):
    """One request is refused; the connection lives."""


class CloseReason(StrEnum):
    """The reasons why a connection ended: the closed list of logs, metrics and goodbyes (P10)."""

    GOODBYE = "goodbye"
    LOST = "lost"
    SILENT = "silent"
    STUCK = "stuck"
    BEHIND = "behind"
    SWALLOWED = "swallowed"
    HELLO_TIMEOUT = "hello-timeout"
    BAD_INPUT = "bad-input"
    FLOOD = "flood"
    REFUSED = "refused"
    TAKEN_OVER = "taken-over"
    ENDED = "ended"
    BANNED = "banned"
    DRAIN = "drain"
    FAULT = "fault"


EXPLANATIONS: Final[dict[CloseReason, str]] = {
    CloseReason.GOODBYE: "the peer said goodbye",
    CloseReason.LOST: "the transport closed without a goodbye",
    CloseReason.SILENT: "nothing was received for the agreed limit",
    CloseReason.STUCK: "no byte was taken for 30 s while bytes waited, and nothing was heard",
    CloseReason.BEHIND: "a guest of IRC without history was more than 1 MiB behind",
    CloseReason.SWALLOWED: "large packets were lost on the way; the next connection has smaller ones",
    CloseReason.HELLO_TIMEOUT: "no complete hello within the deadline",
    CloseReason.BAD_INPUT: "the peer broke the protocol",
    CloseReason.FLOOD: "the peer went on asking far more than it may, and heeded no refusal",
    CloseReason.REFUSED: "the hello was refused",
    CloseReason.TAKEN_OVER: "a newer connection of the same session took over",
    CloseReason.ENDED: "the session was ended by its user or an operator",
    CloseReason.BANNED: "an operator has banned its address from the server",
    CloseReason.DRAIN: "the daemon is stopping",
    CloseReason.FAULT: "a fault of the daemon itself, logged with its traceback",
}
