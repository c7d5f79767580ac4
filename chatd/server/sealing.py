"""Sealing: TLS for what followers are handed, straight from OpenSSL's records to the socket.

Twisted's layer asks pyOpenSSL twice for each record, with 32 KiB of fresh memory each time, and writes each
by itself; that takes longer than the cipher. Here all records of a batch are sealed in one call, read into a
room that all connections share, and sent in one call. The memory between is given back each time: otherwise
every connection keeps some 20 KiB of it, which are in no cache of the processor when it is their turn again.

What the system does not take goes Twisted's way, and so does everything else: handshakes, errors, ends.
"""

from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOProtocol

LEANS_ON: Final = (
    "BIO_new",
    "BIO_read",
    "BIO_s_mem",
    "ERR_clear_error",
    "SSL_MODE_ENABLE_PARTIAL_WRITE",
    "SSL_clear_mode",
    "SSL_set_bio",
    "SSL_write",
)
"""What this needs of OpenSSL's functions as pyOpenSSL knows them, in ``SSL._lib``; a test says if they go."""

LEANS_ON_OF_CONNECTIONS: Final = ("_from_ssl", "_into_ssl", "_ssl")
"""The same of its connections: the memory of sealed records, that of received ones, OpenSSL's own object."""

MOST: Final = 16 * 16_384
"""Bytes that are sealed in one call at the most: sixteen full records (RFC 8446, section 5.1)."""

_ROOM: Final = MOST + 16 * 256
"""Bytes of these records sealed, each of which may grow by 256 (section 5.2)."""

_lib: Any = getattr(SSL, "_lib", None)
_ffi: Any = getattr(SSL, "_ffi", None)
_usable: Final = _ffi is not None and all(hasattr(_lib, name) for name in LEANS_ON)
_room: Any = _ffi.new("char[]", _ROOM) if _usable else None
_view: Any = memoryview(_ffi.buffer(_room)) if _usable else None

# They are looked up once, and not kept by each connection: in a large room those are in no cache.
_write: Any = getattr(_lib, "SSL_write", None)
_read: Any = getattr(_lib, "BIO_read", None)
_new: Any = getattr(_lib, "BIO_new", None)
_set: Any = getattr(_lib, "SSL_set_bio", None)
_kind: Any = _lib.BIO_s_mem() if _usable else None


def speaks_tls(transport: Any) -> bool:
    """Return whether ``transport`` is a layer of TLS."""
    return isinstance(transport, TLSMemoryBIOProtocol)


def sealed(layer: Any, send: Callable[[Any], int]) -> Callable[[bytes], int] | None:
    """Return what sends data through ``layer`` at once, whose transport does it by ``send``, or None.

    It may be called only while nothing is buffered. It takes all of ``data``, or nothing, where there is too
    much or TLS takes none: the layer, which is given it then, finds out why.
    """
    connection = layer.getHandle()
    if isinstance(layer, BufferingTLSTransport) or not (
        _usable and all(hasattr(connection, name) for name in LEANS_ON_OF_CONNECTIONS)
    ):
        return None
    _lib.SSL_clear_mode(connection._ssl, _lib.SSL_MODE_ENABLE_PARTIAL_WRITE)  # noqa: SLF001
    return _Sealer(connection, send, layer.transport.write).seal


class _Sealer:
    """Seals what is for one connection, and has ``send`` take it; ``hand_on`` takes what that does not.

    One small object: in a large room none of it is in the processor's cache when it is needed.
    """

    __slots__ = ("_connection", "_hand_on", "_into", "_send", "_ssl")

    def __init__(self, connection: Any, send: Callable[[Any], int], hand_on: Callable[[bytes], None]) -> None:
        self._connection = connection
        self._ssl = connection._ssl  # noqa: SLF001
        self._into = connection._into_ssl  # noqa: SLF001
        self._send = send
        self._hand_on = hand_on

    def seal(self, data: bytes) -> int:
        """Take all of ``data``, or nothing; return how many bytes were taken."""
        size = len(data)
        if size > MOST:
            return 0
        if _write(self._ssl, data, size) != size:
            _lib.ERR_clear_error()
            return 0
        connection = self._connection
        filled = _read(connection._from_ssl, _room, _ROOM)  # noqa: SLF001
        fresh = _new(_kind)
        if fresh:
            _set(self._ssl, self._into, fresh)  # which frees the one before
            connection._from_ssl = fresh  # noqa: SLF001
        try:
            sent = self._send(_view[:filled])
        except OSError:
            sent = 0
        if sent < filled:
            self._hand_on(bytes(_view[sent:filled]))
        return size
