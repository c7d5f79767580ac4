"""JetStream: the few calls of it that a node needs, over the client library ``nats-py``, which is an extra.

They are requests with JSON in them (https://docs.nats.io/reference/reference-protocols/nats_api_reference);
the library has the connection, which it mends by itself. All of this runs in the side thread.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from chatd.cluster.journal import JournalError
from chatd.cluster.settling import TakenError, UnansweredError

PATIENCE: Final = 1.0
"""Seconds that an answer may take, besides a tenth of a second for each megabyte.

An acknowledgement takes milliseconds; while servers elect, asking again costs nothing.
"""

SECONDS_PER_BYTE: Final = 1e-7
"""Seconds that each byte may take."""

PAUSE: Final = 0.25
"""Seconds until something is tried again."""

HEADERS_BYTES: Final = 1024
"""Bytes that the headers of a message may take, which count as part of it."""

MOST_PARTS: Final = 1000
"""Messages that an atomic batch may have."""

_TAKEN: Final = frozenset({10071, 10164})
"""The codes of "wrong last sequence"."""

_NOT_FOUND: Final = frozenset({10037, 10059})
"""The codes of "no message found" and of "stream not found"."""

BEHIND: Final = "Nats-Expected-Last-Sequence"
BEHIND_IN_SUBJECT: Final = "Nats-Expected-Last-Subject-Sequence"


class Options(NamedTuple):
    """Where the servers are, under what ``name`` they keep the stream of this chatd, and in how many copies.

    ``login`` are arguments of ``nats.connect`` for credentials and TLS. A lease ends after ``lease`` seconds.
    ``monitors`` are the monitoring addresses of all servers, where there are any: see
    `chatd.cluster.durability`.
    """

    servers: Sequence[str]
    name: str = "chatd"
    replicas: int = 3
    login: Mapping[str, Any] = {}
    lease: float = 3.0
    monitors: Sequence[str] = ()


class Message(NamedTuple):
    """A message of a stream."""

    position: int
    data: bytes
    headers: str = ""


class JetStream:
    """A connection to some of the servers that ``options`` name."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.stream = f"{options.name}-log"
        self.subject = f"{options.name}.log"
        self.trouble = ""
        self._client: Any = None

    @property
    def client(self) -> Any:
        """Return the library's client, which is connected or about to be again."""
        return self._client

    async def connect(self) -> None:
        """Connect to one of the servers, however long that takes."""
        import nats  # noqa: PLC0415 - an extra, which a single node does not need

        while self._client is None:
            try:
                self._client = await nats.connect(
                    list(self.options.servers),
                    allow_reconnect=True,
                    connect_timeout=2,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=PAUSE,
                    ping_interval=1,
                    max_outstanding_pings=3,
                    error_cb=self._hear,
                    **self.options.login,
                )
            except (OSError, nats.errors.Error, TimeoutError) as error:
                self.trouble = str(error) or type(error).__name__
                await asyncio.sleep(PAUSE)

    async def _hear(self, error: Exception) -> None:
        self.trouble = str(error) or type(error).__name__

    async def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            await self._client.close()

    @property
    def limit(self) -> int:
        """Return how many bytes the content of a message may have."""
        return int(self._client.max_payload) - HEADERS_BYTES

    # ---- streams --------------------------------------------------------------------------------------

    async def open_stream(self, name: str, subject: str, **terms: Any) -> None:
        """Make the stream ``name`` of what comes at ``subject``, if there is none, and check its ``terms``.

        Raises `JournalError` if it is another one.
        """
        terms = {"num_replicas": self.options.replicas, "storage": "file", "retention": "limits", **terms}
        while True:
            try:
                answer = await self.ask(f"STREAM.INFO.{name}")
                if "error" in answer:
                    wanted = {"name": name, "subjects": [subject], **terms}
                    answer = await self.ask(f"STREAM.CREATE.{name}", **wanted)
            except UnansweredError:
                await asyncio.sleep(PAUSE)
                continue
            if "error" not in answer:
                break
            self.trouble = answer["error"].get("description", "")
            await asyncio.sleep(PAUSE)  # some servers are not there yet, or others make it just now
        for term, value in terms.items():
            found = answer["config"].get(term)
            if found != value:
                raise JournalError(f"The stream {name} has {term} {found} where chatd needs {value}.")

    async def ask(self, what: str, **given: Any) -> dict[str, Any]:
        """Return the answer to a call of JetStream's interface. Raises `UnansweredError`."""
        reply = await self._request(f"$JS.API.{what}", json.dumps(given).encode() if given else b"", {})
        answer: dict[str, Any] = json.loads(reply)
        return answer

    async def demand(self, what: str, **given: Any) -> dict[str, Any]:
        """Return the answer to a call that succeeds sooner or later. Raises `UnansweredError` till then."""
        answer = await self.ask(what, **given)
        if "error" in answer:
            raise UnansweredError(answer["error"].get("description", ""))
        return answer

    async def message(self, stream: str, **which: Any) -> Message | None:
        """Return the message of ``stream`` that is meant, None if there is none. Raises `UnansweredError`."""
        answer = await self.ask(f"STREAM.MSG.GET.{stream}", **which)
        if "error" in answer:
            if answer["error"].get("err_code") in _NOT_FOUND:
                return None
            raise UnansweredError(answer["error"].get("description", ""))
        found = answer["message"]
        data, headers = (base64.b64decode(found.get(part, "")) for part in ("data", "hdrs"))
        return Message(found["seq"], data, headers.decode("utf-8", "replace"))

    async def add(self, subject: str, data: bytes, headers: Mapping[str, str], before: int = 0) -> int:
        """Add a message to the stream of ``subject``, behind ``before`` bytes of its batch.

        Return its position.
        Raises `TakenError`, or `UnansweredError` if it is not known whether it came in.
        """
        answer = json.loads(await self._request(subject, data, headers, before))
        if "error" in answer:
            error = answer["error"]
            if error.get("err_code") in _TAKEN:
                raise TakenError(error.get("description", ""))
            raise UnansweredError(error.get("description", ""))
        return int(answer["seq"])

    async def _request(self, subject: str, data: bytes, headers: Mapping[str, str], before: int = 0) -> bytes:
        import nats  # noqa: PLC0415 - see above

        try:
            reply = await self._client.request(
                subject,
                data,
                timeout=PATIENCE + SECONDS_PER_BYTE * (before + len(data)),
                headers=dict(headers) if headers else None,
            )
        except (nats.errors.Error, TimeoutError, OSError) as error:
            self.trouble = str(error) or type(error).__name__
            raise UnansweredError(self.trouble) from None
        answer: bytes = reply.data
        if not answer:
            raise UnansweredError("An answer had nothing in it.")
        return answer

    # ---- the engine of `chatd.cluster.settling` -------------------------------------------------------

    async def publish(self, parts: Sequence[bytes], expected: int) -> int:
        """Add ``parts`` behind position ``expected``, as an atomic batch if they are many."""
        behind = {BEHIND: str(expected)}
        if len(parts) == 1:
            return await self.add(self.subject, parts[0], behind)
        batch = secrets.token_hex(8)
        for number, part in enumerate(parts[:-1], 1):
            headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            await self._send(part, headers | behind if number == 1 else headers)
        last = {
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(len(parts)),
            "Nats-Batch-Commit": "1",
        }
        return await self.add(self.subject, parts[-1], last, sum(map(len, parts)))

    async def _send(self, data: bytes, headers: dict[str, str]) -> None:
        import nats  # noqa: PLC0415 - see above

        try:
            await self._client.publish(self.subject, data, headers=headers)
        except (nats.errors.Error, OSError) as error:
            raise UnansweredError(str(error)) from None

    async def message_at(self, position: int) -> bytes | None:
        """Return the message at ``position`` of the stream."""
        found = await self.message(self.stream, seq=position)
        return None if found is None else found.data

    async def pause(self) -> None:
        """Wait a moment before the next attempt."""
        await asyncio.sleep(PAUSE)
