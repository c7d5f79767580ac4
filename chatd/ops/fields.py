"""The fields that a log line may carry: no other one's value is ever written (docs/OPERATIONS.md, "Fields").

Secrets and what people say to each other have no field: a session's token and a message's text are in no log.
"""

from typing import Final

FIELDS: Final[dict[str, str]] = {
    "ahead": "seconds by which the clock is ahead of the latest time known; below 0 behind it",
    "bytes_in": "bytes received on the connection",
    "bytes_out": "bytes sent on the connection",
    "code": "the stable code of a refusal (docs/PROTOCOL.md, Errors; here Behind a relay and TLS)",
    "connection": "the number of a connection since the daemon started",
    "connections": "how many connections",
    "count": "how many",
    "data": "the data folder",
    "duration": "seconds from its beginning to its end",
    "error": "what went wrong, as the system says it",
    "first": "the number of the first event that is meant",
    "kind": "the name of the events that are meant",
    "lag": "seconds by which the daemon itself was late",
    "last": "the number of the last event that is meant",
    "listen": "the endpoints listened on",
    "messages_in": "messages received on the connection",
    "messages_out": "messages sent on the connection",
    "namespace": "the Python module that speaks, where it is not chatd's",
    "nick": "the nick of a user",
    "offset": "how many bytes of a file from its beginning: where a transfer began or ended",
    "peer": "the other end of the connection: address:port, or unix",
    "rate": "bytes per second",
    "reason": "why a connection (End reasons) or a transfer (Files) ended",
    "relay": "the address of the relay between the peer and the daemon, where there is one",
    "resumed": "whether a known session came back, or a new one began",
    "room": "the room's name",
    "rooms": "how many rooms",
    "seq": "the number of an event in its room",
    "server": "the id of this server's data",
    "session": "the number of a session; it follows one device through the log",
    "sessions": "how many sessions",
    "sha256": "the first 12 digits of a file's SHA-256",
    "signal": "the signal that was received",
    "silence": "seconds without a byte from the peer",
    "size": "how many bytes a file has",
    "software": "what the peer calls itself",
    "suppressed": "how many like this one were not logged since the last",
    "transfer": "the number of a transfer on its connection",
    "uploads": "how many uploads that were not finished",
    "version": "chatd's version",
}
