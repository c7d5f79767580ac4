"""TLS: deliveries per second to 100 and to 1000 members beside the same in plain text.

Readers count without deciphering: a record's length tells how much plain text is in it. Only the witness and
the sender decipher, so that the generator does not do for a hundred what the server does once for each.
"""

import socket
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.common import BenchError, Scale
from bench.load import WOULD_BLOCK, Crowd
from bench.peers.chatd import ChatdPeer
from bench.results import Result, Row, Target
from bench.runs import Party
from bench.server import Daemon

WINDOW = 64
AIMED = 1000
TARGET = Target(1.8, least=False)
_HEAD = 5
_OVERHEAD = 17  # TLS 1.3: the tag's 16 bytes and the type's one (RFC 8446 section 5.2)


class Records:
    """Counts the bytes of plain text in a stream of TLS 1.3 records, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0

    def take(self, data: bytes) -> int:
        """Take in ``data``; return how much plain text is in the records that begin in it."""
        data = self._rest + data
        at, plain = self._skip, 0
        while at + _HEAD <= len(data):
            size = int.from_bytes(data[at + 3 : at + _HEAD], "big")
            plain += size - _OVERHEAD
            at += _HEAD + size
        self._rest = data[at:]
        self._skip = max(0, at - len(data))
        return plain


class SealedCrowd(Crowd):
    """Readers with TLS, of whom only the witness deciphers."""

    def __init__(self, links: Sequence[socket.socket], marker: bytes) -> None:
        super().__init__(links, marker)
        self._records = {link.fileno(): Records() for link in links[1:]}

    def read(self, fd: int) -> bytes | None:
        """Read once from reader ``fd``."""
        records = self._records.get(fd)
        if records is None:
            try:
                return super().read(fd)
            except WOULD_BLOCK:
                return None
        data = socket.socket.recv(self._links[fd], 65_536)
        if not data:
            raise BenchError("the server closed a reader's connection")
        self.bytes[fd] += records.take(data)
        return None


class SealedParty(Party):
    """Chatd with TLS: a sender and ``readers`` who decipher nothing."""

    def __init__(self, daemon: Daemon, readers: int, window: int, scale: Scale) -> None:
        super().__init__(ChatdPeer(daemon), readers, window, scale)
        self.who = "chatd, TLS"

    def _crowd(self, links: list[socket.socket]) -> Crowd:
        assert isinstance(links[0], ssl.SSLSocket)
        if links[0].version() != "TLSv1.3":
            raise BenchError(f"the daemon speaks {links[0].version()}; the readers count TLSv1.3 only")
        return SealedCrowd(links, self.peer.mark)


def sealed_daemon(folder: Path | None) -> Daemon:
    """Return a daemon with a new certificate."""
    return Daemon(folder, tls=True)


def run(scale: Scale) -> Result:
    """Measure 100 and 1000 members, 200-byte messages, 64 in flight, with TLS and without."""
    result = Result("tls")
    for members in (5,) if scale.smoke else (100, 1000):
        with ExitStack() as stack:
            sealed, plain = sealed_daemon(scale.folder), Daemon(scale.folder)
            stack.callback(plain.stop)
            stack.callback(sealed.stop)
            parties = [
                SealedParty(sealed, members, WINDOW, scale),
                Party(ChatdPeer(plain), members, WINDOW, scale),
            ]
            _measure(result, parties, members, scale)
    return result


def _measure(result: Result, parties: Sequence[Party], members: int, scale: Scale) -> None:
    what = f"fan-out to {members} members, beside plain text"
    rates: dict[str, list[float]] = {party.who: [] for party in parties}
    costs: dict[str, list[float]] = {party.who: [] for party in parties}
    for _ in range(scale.rounds):
        for party in parties:
            load, usage = party.measure()
            deliveries = load.messages * members
            rates[party.who].append(deliveries / load.seconds)
            costs[party.who].append(usage.server / deliveries * 1e6)
            result.doubt(party.who, usage.doubts())
    for who, found in rates.items():
        result.rows.append(Row(what, who, "deliveries/s", tuple(found)))
        result.rows.append(Row(what, who, "µs CPU/delivery", tuple(costs[who])))
    sealed, plain = costs.values()
    ratios = tuple(a / b for a, b in zip(sealed, plain, strict=True))
    result.rows.append(Row(what, "TLS / plain", "ratio of CPU", ratios, TARGET if members == AIMED else None))
