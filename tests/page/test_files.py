"""Files in the page: what they are called, which pictures may be decoded, and what becomes of each."""

import json
import struct
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.client.cli.sizes import size_text
from chatd.client.files.sources import told_name
from chatd.files.names import check_file_name, check_media
from tests.examples import examples

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def tell():
    """Return a function that asks one of the page's functions."""
    with subprocess.Popen(
        ["node", HERE / "pure.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as pure:

        def tell(name, argument):
            pure.stdin.write(json.dumps([name, argument]) + "\n")
            pure.stdin.flush()
            return json.loads(pure.stdout.readline())

        yield tell
        pure.stdin.close()


def test_what_becomes_of_each_file():
    played = subprocess.run(["node", HERE / "files.mjs"], capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr


@pytest.mark.parametrize(
    "count", [0, 999, 1000, 1234, 9949, 9950, 48_978, 999_499, 999_600, 45_000_000, 10**18]
)
def test_sizes_read_as_in_the_terminal(tell, count):
    assert tell("size", count) == size_text(count)


# ---- names ------------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), max_size=300)
LONG = st.tuples(st.text("aé€😀", min_size=200, max_size=300), st.sampled_from(["", ".gz", ".é" * 20])).map(
    "".join
)


@given(name=NAMES | LONG)
@settings(max_examples=examples(300), deadline=None)
def test_a_file_is_called_what_the_companion_client_would_call_it(tell, name):
    told = tell("toldName", name)
    check_file_name(told)
    if name not in {"", ".", ".."}:
        assert told == told_name(PurePosixPath("/", name))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("image/png", "image/png"),
        ("text/plain;charset=utf-8", "text/plain"),
        ("", "application/octet-stream"),
        ("<b>/x", "application/octet-stream"),
        ("text/" + "x" * 123, "application/octet-stream"),
    ],
)
def test_a_media_type_is_one(tell, kind, told):
    assert tell("toldMedia", kind) == told
    check_media(told)


# ---- pictures ---------------------------------------------------------------------------------------------


def png(width, height):
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0"


def jpeg(width, height, before=b"\xff\xe0\0\x04ab\xff\xff\xc4\0\x03x"):
    return b"\xff\xd8" + before + b"\xff\xc2\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03"


def gif(width, height, frame=(0, 0, 1, 1)):
    screen = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"rgbrgb"
    return screen + b"\x21\xfe\x03abc\0" + b"\x2c" + struct.pack("<HHHH", *frame) + b"\0"


def webp(kind, body):
    return b"RIFF\0\0\0\0WEBP" + kind + struct.pack("<I", len(body)) + body


def lossy(width, height):
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height))


def lossless(width, height):
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0")


def extended(width, height):
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return webp(b"VP8X", b"\x10\0\0\0" + sides + b"\0\0")


KINDS = {
    "png": (png, "image/png"),
    "jpeg": (jpeg, "image/jpeg"),
    "gif": (gif, "image/gif"),
    "lossy": (lossy, "image/webp"),
    "lossless": (lossless, "image/webp"),
    "extended": (extended, "image/webp"),
}


@pytest.mark.parametrize("made", KINDS)
def test_the_size_of_a_picture_is_known_from_its_head(tell, made):
    make, kind = KINDS[made]
    assert tell("pictureOf", make(4000, 3000).hex()) == {"kind": kind, "width": 4000, "height": 3000}
    assert tell("pictureOf", make(16_000, 16_000).hex()) is None


def test_a_picture_that_becomes_larger_than_its_head_says_is_not_decoded(tell):
    assert tell("pictureOf", gif(10, 10, frame=(5, 5, 65_000, 65_000)).hex()) is None
    assert tell("pictureOf", gif(10, 10, frame=(5, 5, 10, 20)).hex()) == {
        "kind": "image/gif",
        "width": 15,
        "height": 25,
    }
    first_counts = jpeg(60_000, 60_000) + jpeg(10, 10)[2:]
    assert tell("pictureOf", first_counts.hex()) is None


@pytest.mark.parametrize(
    "data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"\x89PNG", b"BM6"]
)
def test_what_is_no_picture_is_none(tell, data):
    assert tell("pictureOf", data.hex()) is None


@given(
    data=st.binary(max_size=60)
    | st.tuples(st.sampled_from([make(7, 9) for make, _ in KINDS.values()]), st.integers(0, 60)).map(
        lambda pair: pair[0][: pair[1]]
    )
    | st.tuples(
        st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8"]), st.binary(max_size=60)
    ).map(b"".join)
)
@settings(max_examples=examples(300), deadline=None)
def test_any_bytes_are_a_bounded_picture_or_none(tell, data):
    found = tell("pictureOf", data.hex())
    assert found is None or 0 < found["width"] * found["height"] <= 40_000_000
