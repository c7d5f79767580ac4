"""Every limit of the protocol, each with its unit and its reason (docs/PROTOCOL.md, "Limits")."""

from typing import Final

PROTOCOL_VERSION: Final = 1
"""The version this code speaks; a hello that names another is refused."""

MAX_FRAME: Final = 65_536
"""Bytes that may follow a frame's length field: the class of memory one peer may cost."""

MAX_TEXT: Final = 16_384
"""Bytes of UTF-8 in one text; escaped twice over it still fits into a frame with room to spare."""

MAX_TOPIC: Final = 512
"""Bytes of UTF-8 in a room's topic, which stands in every list of rooms."""

MAX_STATUS: Final = 256
"""Bytes of UTF-8 that people say with their status, which is shown in one line."""

MAX_STATUS_SECONDS: Final = 31_536_000
"""Seconds after which a status ends at the latest, if it has an end: a year."""

MAX_REASON: Final = 256
"""Bytes of UTF-8 in the reason of a ban and its like, which is shown in one line."""

MAX_NAME: Final = 32
"""Characters in a nick or in a room's name behind its sign."""

MAX_PASSWORD: Final = 512
"""Characters in a password; more give no more safety, and would only cost their hashing."""

MIN_PASSWORD: Final = 8
"""Characters of a new password, at least (NIST SP 800-63B, 3.1.1), unless the server says otherwise."""

MAX_INVITE: Final = 64
"""Characters in the code of an invitation, however it is spelt."""

MAX_INVITE_USES: Final = 1000
"""How often one invitation may serve."""

MAX_INVITE_DAYS: Final = 365
"""Days for which an invitation may serve."""

MAX_INVITES: Final = 20
"""Invitations of one account that serve at the same time."""

MAX_NICKS: Final = 8
"""Nicks that one account may ever have, since each is its own for good."""

MAX_CERTIFICATES: Final = 16
"""Certificates that open one account: one for each device, and some to spare."""

MAX_LABEL: Final = 64
"""Bytes of UTF-8 in what somebody calls a certificate or a device of theirs; a line of a list holds it."""

MAX_INT: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""

MAX_PING: Final = 64
"""Bytes of payload in a ping: enough for any time stamp, too few to be an amplifier."""

MAX_CURSORS: Final = 256
"""Rooms one hello may name; the rest are joined again one by one."""

MAX_TRAIL: Final = 24
"""Events with their checks that one room of a hello, or a join, may name."""

MAX_ROOMS: Final = 200
"""Rooms one user may be a member of at once; direct messages do not count."""

MAX_ACTS: Final = 500
"""Bans of one room, and mutes and invitations likewise: looked through whenever somebody joins."""

MAX_INVITED: Final = 50
"""Invitations to rooms that one user may have at once: each is told behind every welcome."""

ACTS_PER_MESSAGE: Final = 50
"""Bans, mutes and invitations in one message at the most: so many fit into a frame with their reasons."""

MAX_BLOCKED: Final = 200
"""People whose direct messages one user does not take; their list fits into a frame."""

MAX_SLOW: Final = 3600
"""Seconds between two messages of one member in a slow room at the most."""

MAX_KEEP_DAYS: Final = 36_500
"""Days for which a room may keep its events; longer is for ever."""

INVITATION: Final = 604_800
"""Seconds for which an invitation to a room holds: a week of the server's running."""

MAX_ADDRESS_BANS: Final = 10_000
"""Addresses and networks that are banned from the server at the most: 2 MB."""

BANNED_AGAIN: Final = 3600
"""Seconds after which whoever comes from a banned address is asked to try again, at the latest."""

REMOVED: Final = 2_592_000
"""Seconds for which it is kept who was removed from a room, for clients that were away: as sessions are."""

MAX_FORMER: Final = 2000
"""Members of one deleted room of whom that is kept, for clients that were away: those who were away first."""

MAX_NOTES: Final = 50_000
"""Removals and members that are kept of all deleted rooms together; those of the oldest rooms go first."""

MAX_WELCOME_DIRECT: Final = 500
"""Logs of direct messages that a hello need not name to be followed at once; others await a new message."""

ROOMS_PER_MESSAGE: Final = 40
"""Rooms in one message at the most, so that they fit into a frame whatever their names and topics."""

MAX_LOOK: Final = 50
"""Events that one request may name to be looked at."""

MAX_EDITS: Final = 50
"""Edits of one event: so many are read with it, and erased with it."""

MAX_EMOJI: Final = 20
"""Different emoji in the reactions to one event: more are no picture of what people think of it."""

MAX_PINS: Final = 50
"""Events that are pinned in one room; their list is one page."""

MAX_MENTIONS: Final = 20
"""People whom one text mentions; whoever means more means the room."""

MAX_HOOKS: Final = 1000
"""Hooks of all rooms together."""

MAX_ROOM_HOOKS: Final = 20
"""Hooks of one room; their list fits into a frame."""

MAX_HOOK_KEYS: Final = 256
"""Posts of one hook that it may repeat without effect: the latest ones that had a key."""

MAX_HOOK_KEY: Final = 128
"""Characters of the key of a post."""

MAX_URL: Final = 500
"""Characters of the address to which a hook is told what is said."""

MAX_UNREAD_MENTIONS: Final = 100
"""Unread mentions of one user in one room that are kept, the newest; and of everybody in it as many."""

MAX_THREADS: Final = 200
"""Threads that one user follows; the one that they have not replied in or read for the longest goes first."""

MAX_THREAD_UNREAD: Final = 1000
"""Unread replies of one thread that are counted: that many is as much as more."""

QUOTE: Final = 80
"""Characters of an event that are told where something replies to it."""

SESSIONS_PER_MESSAGE: Final = 90
"""Sessions of a user in one answer: with the longest names of clients and devices they fit into a frame."""

PAGE_ROWS: Final = 200
"""Events or members in one page at the most."""

PAGE_BYTES: Final = 49_152
"""Bytes of events in one page of history; it leaves room for the envelope around them."""

MAX_QUERY: Final = 400
"""Characters in a query: more words than anybody looks for."""

MAX_QUERY_WORDS: Final = 64
"""Words in a query, each character counted where a script puts no blanks: the work of one look-up."""

MAX_UNANSWERED: Final = 256
"""Sends that a client keeps unanswered at once; more gain nothing and cost memory."""

BACKLOG: Final = 500
"""Events before the head at which a room without a cursor starts at the earliest."""

MAX_SOFTWARE: Final = 64
"""Characters of a peer's name for itself that are kept."""

MAX_CHUNK: Final = MAX_FRAME - 13
"""Bytes of a file in one chunk: what a frame holds behind its type, the transfer and the offset."""

WINDOW: Final = 1_048_576
"""Bytes of a file that may be under way and not yet received: what one transfer may cost its receiver."""

MAX_TRANSFERS: Final = 4
"""Transfers that one connection may have under way at once."""

MAX_FILE_NAME: Final = 255
"""Bytes of UTF-8 in a file's name: what file systems take."""

MAX_MEDIA: Final = 127
"""Characters in a file's media type (RFC 6838 section 4.2 allows as many in each half)."""

MIN_FILE_ID: Final = 8
"""Digits of a SHA-256 that are enough to name a file of a room."""
