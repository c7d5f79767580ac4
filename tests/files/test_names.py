"""What a file may be called, and what a receiver calls it: strangers name no folder and no device."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.files.names import SAFE_BYTES, check_file, check_file_name, check_media, safe_name
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import File

TRAVERSALS = [
    "../etc/passwd",
    "..\\..\\windows\\system32\\config",
    "/etc/passwd",
    "\\\\server\\share\\x",
    "C:\\autoexec.bat",
    "a/../../b",
    "....//....//etc/passwd",
    "..%2f..%2fetc",
    "%2e%2e/",
    "..\u2215etc",
    "..\uff0fetc",
    "/",
    "\\",
    "a/",
    "a\x00.png",
    "a\x00/../../etc/passwd",
    "\x00",
    "~/x",
    "~root",
    "file:///etc/passwd",
    "-rf",
    "--help",
    " x",
    ".bashrc",
    "...",
    "....",
    ". .",
    " ",
    "CON",
    "con.txt",
    "nul .txt",
    "LPT1.tar.gz",
    "com\u00b9",
    "CONIN$",
    "aux:",
    "x:stream",
    "trailing.",
    "trailing ",
    "a\nb",
    "a\r\x1b[2Jb",
    "evil\u202egpj.exe",
    "\u2066x\u2069",
    "\ufeffx",
    "a" * 10_000,
    "ü" * 10_000,
    "\U0001f98a" * 200 + ".png",
    "." * 300,
    "a." + "b" * 300,
    "$(reboot)",
    "`reboot`",
    "a;b|c&d",
    "e\u0301.txt",
    "",
    ".",
    "..",
]


def _harmless(name):
    assert Path(name).name == name
    assert name not in {"", ".", ".."}
    assert 1 <= len(name.encode()) <= SAFE_BYTES
    assert not set(name) & set('/\\<>:"|?*')
    assert not name.startswith((".", "-", " ", "~"))
    assert not name.endswith((".", " "))
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name if char != "\u00ad")
    assert name.partition(".")[0].rstrip().upper() not in {
        "CON",
        "PRN",
        "AUX",
        "NUL",
        "COM1",
        "LPT9",
        "CONIN$",
    }


@pytest.mark.parametrize("name", TRAVERSALS)
def test_what_strangers_call_a_file_is_made_harmless(name, tmp_path):
    safe = safe_name(name)
    _harmless(safe)
    path = tmp_path / safe
    path.write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [safe]


_WORDS = st.sampled_from(
    [
        "..",
        "/",
        "\\",
        ".",
        "con",
        " ",
        "-",
        "\x00",
        ".txt",
        "\u202e",
        "a",
        "ü",
        ":",
        "~",
        "\u200c",
        "\u200d",
        "ش",
    ]
)


@given(st.lists(_WORDS, max_size=12).map("".join) | st.text(max_size=400))
def test_any_name_is_made_harmless_and_stays_as_it_is_then(name):
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert safe not in {"", ".", ".."}
    assert len(safe.encode()) <= SAFE_BYTES
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    "name",
    [
        "holiday.jpg",
        "Grüße aus Köln.pdf",
        "a.tar.gz",
        "no extension",
        "日本.txt",
        "x" * 200,
        "\u06af\u0632\u0627\u0631\u0634\u200c\u0647\u0627.pdf",
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3 \u0dbd\u0d82\u0d9a\u0dcf.odt",
    ],
)
def test_harmless_names_stay_as_they_are(name):
    assert safe_name(name) == name
    check_file_name(name)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a\u200db.pdf", "a_b.pdf"),
        ("co\u200dn", "co_n"),
        ("\u200d.pdf", "_.pdf"),
        ("\u0634\u200c.", "\u0634_"),
    ],
)
def test_a_joiner_that_no_letter_needs_hides_in_no_name(name, safe):
    assert safe_name(name) == safe
    with pytest.raises(RequestError, match=r"U\+200[CD] may only stand between letters"):
        check_file_name(name)


def test_a_long_name_is_not_cut_behind_a_joiner():
    word = "\u0634\u200c"
    for length in range(20, 120):
        safe = safe_name(word * length + "\u0634.pdf")
        assert safe_name(safe) == safe
        check_file_name(safe)


def test_a_long_name_keeps_its_extension():
    assert safe_name("ü" * 200 + ".jpeg").endswith("ü.jpeg")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "/",
        "a\\b",
        "a\x00",
        "a\nb",
        "a\x7f",
        "a\u202eb",
        "\u2066",
        "a" * 256,
        "ü" * 128,
        "a" * 10_000,
    ],
)
def test_impossible_names_are_refused(name):
    with pytest.raises(RequestError) as caught:
        check_file_name(name)
    assert caught.value.code is Code.BAD_FILE
    assert "\x00" not in str(caught.value)


@pytest.mark.parametrize("media", ["text/plain", "image/svg+xml", "application/vnd.a-b.c+json", "x/y"])
def test_media_types(media):
    check_media(media)


@pytest.mark.parametrize(
    "media",
    ["", "text", "text/", "/plain", "text/plain; charset=utf-8", "a/b/c", "a b/c", "a/" + "b" * 127, "é/x"],
)
def test_impossible_media_types_are_refused(media):
    with pytest.raises(RequestError, match="media type"):
        check_media(media)


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "../" + "0" * 61, "0" * 63 + "\n"]
)
def test_impossible_digests_are_refused(digest):
    with pytest.raises(RequestError, match="SHA-256"):
        check_file(File(name="a", size=1, sha256=digest))
