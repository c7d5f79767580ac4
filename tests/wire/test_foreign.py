"""What is no frame is called what it is."""

import pytest

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.frames import FrameDecoder


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (bytes.fromhex("1603010200"), "TLS"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"PROXY TCP4 192.0.2.1", "PROXY"),
        (b"\r\n\r\n\x00\r\nQUIT\n", "PROXY"),
        (b"\xff\xff\xff\xff\x01", "4294967295 bytes"),
    ],
)
def test_what_is_no_frame_is_called_what_it_is(data, word):
    decoder = FrameDecoder()
    decoder.feed(data)
    with pytest.raises(ProtocolError, match=word) as caught:
        decoder.take()
    assert caught.value.code == Code.FRAME_TOO_LARGE
