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

LEANS_ON: Final = ("BIO_new", "BIO_read", "BIO_s_mem", "ERR_clear_error", "SSL_clear_mode", "SSL_set_bio")
LEANS_ON_TOO: Final = ("SSL_MODE_ENABLE_PARTIAL_WRITE", "SSL_write")
"""What this needs of OpenSSL's functions as pyOpenSSL knows them, in ``SSL._lib``; a test says if they go."""

LEANS_ON_OF_CONNECTIONS: Final = ("_from_ssl", "_into_ssl", "_ssl")
"""The same of its connections: the memory of sealed records, that of received ones, OpenSSL's own object."""

MOST: Final = 16 * 16_384
"""Bytes that are sealed in one call at the most: sixteen full records (RFC 8446, section 5.1)."""

_ROOM: Final = MOST + 16 * 256
"""Bytes of these records sealed, each of which may grow by 256 (section 5.2)."""

_lib: Any = getattr(SSL, "_lib", None)
_ffi: Any = getattr(SSL, "_ffi", None)
_usable: Final = _ffi is not None and all(hasattr(_lib, name) for name in (*LEANS_ON, *LEANS_ON_TOO))
_room: Any = _ffi.new("char[]", _ROOM) if _usable else None
_view: Any = memoryview(_ffi.buffer(_room)) if _usable else None


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
    ssl, into, hand_on = connection._ssl, connection._into_ssl, layer.transport.write  # noqa: SLF001
    new, kind, replace = _lib.BIO_new, _lib.BIO_s_mem(), _lib.SSL_set_bio
    write, read, room, view = _lib.SSL_write, _lib.BIO_read, _room, _view
    _lib.SSL_clear_mode(ssl, _lib.SSL_MODE_ENABLE_PARTIAL_WRITE)

    def seal(data: bytes) -> int:
        size = len(data)
        if size > MOST:
            return 0
        if write(ssl, data, size) != size:
            _lib.ERR_clear_error()
            return 0
        filled = read(connection._from_ssl, room, _ROOM)  # noqa: SLF001
        fresh = new(kind)
        if fresh:
            replace(ssl, into, fresh)  # which frees the one before
            connection._from_ssl = fresh  # noqa: SLF001
        try:
            sent = send(view[:filled])
        except OSError:
            sent = 0
        if sent < filled:
            hand_on(bytes(view[sent:filled]))
        return size

    return seal
