"""The PROXY protocol's header, versions 1 and 2, parsed from bytes as they come (proxy-protocol.txt).

The format is that of haproxy's proxy-protocol.txt. Twisted's parsers want the first 16 bytes in one piece,
accept version 1 lines of any length and impossible addresses, and spell IPv6 addresses in their own way. So
this parser is ours, and theirs are the measure in the tests.
"""

import ipaddress
import struct
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

Source: TypeAlias = IPv4Address | IPv6Address | UNIXAddress | None
"""The client that has connected to the relay; None if the relay speaks for itself or does not know."""

MAX_LINE: Final = 107
"""Bytes of a version 1 header, line end included."""

MAX_BLOCK: Final = 16_384
"""Bytes behind the fixed part of a version 2 header; relays send hundreds, with a certificate more."""

_MAX_PORT: Final = 65_535
_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = struct.Struct("!12sBBH")
_FIELD: Final = struct.Struct("!BH")
_VERSION_2: Final = 2
_LOCAL, _PROXY = 0, 1
_STREAM: Final = 1


class HeaderError(ValueError):
    """Bytes that are no valid header; the text says why."""


class NoHeaderError(HeaderError):
    """Bytes that do not even begin like a header."""


class Header(NamedTuple):
    """A whole header: the source of the connection, and the bytes that came behind it."""

    source: Source
    rest: bytes


class HeaderParser:
    """Takes bytes until it has one header."""

    __slots__ = ("_buffer", "_length")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length = 0

    def feed(self, data: bytes) -> Header | None:
        """Return the header once it is complete.

        Raises `HeaderError`, after which the parser is of no use.
        """
        self._buffer += data
        take = self._take_line if self._buffer[:1] == b"P" else self._take_block
        return take() if self._buffer else None

    def _take_line(self) -> Header | None:
        _expect(self._buffer, b"PROXY ")
        end = self._buffer.find(b"\r\n", 0, MAX_LINE)
        if end >= 0:
            return Header(_read_line(bytes(self._buffer[:end])), bytes(self._buffer[end + 2 :]))
        if len(self._buffer) >= MAX_LINE:
            raise HeaderError(f"the line is longer than {MAX_LINE} bytes")
        return None

    def _take_block(self) -> Header | None:
        _expect(self._buffer, _SIGNATURE)
        if not self._length:
            if len(self._buffer) < _FIXED.size:
                return None
            self._length = _FIXED.size + _block_length(self._buffer)
        if len(self._buffer) < self._length:
            return None
        header = bytes(self._buffer[: self._length])
        return Header(_read_block(header), bytes(self._buffer[self._length :]))


def _expect(buffer: bytearray, start: bytes) -> None:
    length = min(len(buffer), len(start))
    if buffer[:length] != start[:length]:
        raise NoHeaderError("this is no PROXY header")


# ---- version 1: a line ----------------------------------------------------------------------------------


def _read_line(line: bytes) -> Source:
    words = line.decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return None
    family = _LINE_FAMILIES.get(words[1])
    if family is None:
        raise HeaderError("the family is none of TCP4, TCP6 and UNKNOWN")
    try:
        _, _, source, destination, source_port, destination_port = words
    except ValueError:
        raise HeaderError("the line has not two addresses and two ports") from None
    _port(destination_port)
    _host(destination, family)
    return _address(_host(source, family), _port(source_port))


_Host: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_LINE_FAMILIES: Final[dict[str, Callable[[str], _Host]]] = {
    "TCP4": ipaddress.IPv4Address,
    "TCP6": ipaddress.IPv6Address,
}


def _host(word: str, family: Callable[[str], _Host]) -> _Host:
    try:
        if "%" not in word:
            return family(word)
    except ValueError:
        pass
    raise HeaderError("an address is none of its family")


def _port(word: str) -> int:
    port = int(word) if word.isdigit() and len(word) <= len(str(_MAX_PORT)) else _MAX_PORT + 1
    if port > _MAX_PORT or str(port) != word:
        raise HeaderError("a port is none")
    return port


def _address(host: _Host, port: int) -> Source:
    mapped = getattr(host, "ipv4_mapped", None)
    host = mapped or host
    kind = IPv4Address if isinstance(host, ipaddress.IPv4Address) else IPv6Address
    return kind("TCP", str(host), port)


# ---- version 2: a block ---------------------------------------------------------------------------------


def _block_length(buffer: bytearray) -> int:
    length: int = _FIXED.unpack_from(buffer)[3]
    if length > MAX_BLOCK:
        raise HeaderError(f"the header is longer than {MAX_BLOCK} bytes")
    return length


def _read_block(header: bytes) -> Source:
    _, version_command, family_protocol, _ = _FIXED.unpack_from(header)
    version, command = divmod(version_command, 16)
    if version != _VERSION_2 or command not in {_LOCAL, _PROXY}:
        raise HeaderError("the version or the command is not known")
    if command == _LOCAL:
        return None
    family, protocol = divmod(family_protocol, 16)
    if family not in _BLOCK_FAMILIES or protocol > _STREAM + 1:
        raise HeaderError("the family or the protocol is not known")
    size, source = _BLOCK_FAMILIES[family]
    if not size or not protocol:
        return None  # UNSPEC: what else the block holds is to be ignored
    if len(header) < _FIXED.size + size:
        raise HeaderError("the header is shorter than its addresses")
    _walk_fields(header, _FIXED.size + size)
    return source(header[_FIXED.size :]) if protocol == _STREAM else None


def _walk_fields(header: bytes, place: int) -> None:
    """Step over the additional fields, which must fill the header to its end: a wrong length shows here."""
    while place < len(header):
        if place + _FIELD.size > len(header):
            break
        place += _FIELD.size + _FIELD.unpack_from(header, place)[1]
    if place != len(header):
        raise HeaderError("the additional fields do not end where the header does")


def _inet(block: bytes) -> Source:
    return _address(ipaddress.IPv4Address(block[:4]), int.from_bytes(block[8:10], "big"))


def _inet6(block: bytes) -> Source:
    return _address(ipaddress.IPv6Address(block[:16]), int.from_bytes(block[32:34], "big"))


def _unix(_block: bytes) -> Source:
    return UNIXAddress(None)


def _nobody(_block: bytes) -> Source:
    return None


_BLOCK_FAMILIES: Final[dict[int, tuple[int, Callable[[bytes], Source]]]] = {
    0: (0, _nobody),
    1: (12, _inet),
    2: (36, _inet6),
    3: (216, _unix),
}
"""The bytes of both addresses with their ports, and how the source is read, by family."""
