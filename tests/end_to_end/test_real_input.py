"""Lines that people wrote, in many scripts, through several ``chatc send`` at once and back identical."""

import unicodedata
from pathlib import Path

import pytest

from chatd.chat.text import check_text
from chatd.wire.errors import RequestError

FORTUNES = Path("/usr/share/games/fortunes")
SENDERS = 4
LINES = 10_000
PER_FILE = 200
"""Lines taken of each file, so that one large collection does not crowd out the other languages."""

PATIENCE = 80.0
ROOM = "#fortunes"


def allowed(text):
    """Return whether the daemon has to accept ``text``: its own rule, asked beforehand."""
    try:
        check_text(text)
    except RequestError:
        return False
    return True


def human_lines():
    """Return lines of all fortune files, and how many were left out because the daemon must refuse them."""
    lines, left_out = [], 0
    for path in sorted(FORTUNES.rglob("*")):
        if not path.is_file() or path.suffix in {".dat", ".u8"}:
            continue
        try:
            written = path.read_bytes().decode().split("\n")
        except UnicodeDecodeError:
            continue  # a file in another encoding
        written = [line for line in written if line != "%"][:PER_FILE]
        kept = [line for line in written if allowed(line)]
        left_out += len(written) - len(kept)
        lines += kept
    return lines, left_out


def scripts(lines):
    """Return the scripts of the letters in ``lines``, as the first words of their names."""
    letters = {char for line in lines for char in line if char.isalpha()}
    return {unicodedata.name(char, "?").split()[0] for char in letters}


@pytest.mark.skipif(not FORTUNES.is_dir(), reason="Debian's fortune packages are not installed")
def test_ten_thousand_lines_come_back_identical(daemon, start_chatc):
    lines, left_out = human_lines()
    if len(lines) < LINES:
        pytest.skip(f"the fortune packages that are installed have {len(lines)} lines, not {LINES}")
    assert left_out
    assert {"LATIN", "CYRILLIC", "CJK"} <= scripts(lines)
    shares = [lines[begin::SENDERS] for begin in range(SENDERS)]
    reader = start_chatc(daemon, "reader", "tail", ROOM, "--json", "--since", "0", "--count", str(len(lines)))
    reader.await_said("connected")
    senders = [start_chatc(daemon, f"sender{n}", "send", ROOM, fed=True) for n in range(SENDERS)]
    for sender, share in zip(senders, shares, strict=True):
        sender.say(*share)
        sender.finish()
    assert [sender.wait(PATIENCE) for sender in senders] == [0] * SENDERS
    assert [sender.complaints for sender in senders] == [""] * SENDERS
    assert reader.wait(PATIENCE) == 0
    heard = [line for line in reader.lines() if line["kind"] == "message"]
    assert len(heard) == len(lines)
    for number, share in enumerate(shares):
        assert [line["text"] for line in heard if line["by"] == f"sender{number}"] == share
