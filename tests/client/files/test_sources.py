"""What can be sent, what is refused with which sentence, and what is told of it."""

import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.core.problems import ClientError
from chatd.client.files.sources import BLOCK, SLICE, Source, media_of, told_name
from chatd.files.names import check_file, check_file_name


def opened(path):
    return Source(Path(path))


def describe(source):
    while (file := source.describe()) is None:
        pass
    return file


def refusal(path):
    with pytest.raises(ClientError) as refused:
        opened(path)
    assert refused.value.code == "bad-source"
    return refused.value.text


@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK + 7])
def test_a_file_is_described_by_its_bytes(tmp_path, size):
    data = os.urandom(size)
    path = tmp_path / "ünïcode.tar.gz"
    path.write_bytes(data)
    source = opened(path)
    file = describe(source)
    check_file(file)
    assert (file.name, file.size, file.media) == (path.name, size, "application/gzip")
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert source.hashed == size
    assert source.read(0, size) == data
    source.close()


def test_a_symbolic_link_is_followed_and_keeps_its_own_name(tmp_path):
    (tmp_path / "real").write_text("x")
    (tmp_path / "link.txt").symlink_to("real")
    file = describe(opened(tmp_path / "link.txt"))
    assert (file.name, file.size) == ("link.txt", 1)


def test_what_is_no_file_is_refused_in_words(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to("pipe")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert "is a socket" in refusal(tmp_path / "socket")
    assert "is a pipe" in refusal(tmp_path / "pipe")
    assert "is a pipe" in refusal(tmp_path / "to-pipe")
    assert "is a folder; pack it" in refusal(tmp_path)
    assert "is a device" in refusal("/dev/null")
    assert "No such file" in refusal(tmp_path / "none")
    assert "Too many levels" in refusal(tmp_path / "loop")
    assert "cannot be" in refusal("a\0b")


@pytest.mark.parametrize("change", ["append", "truncate", "overwrite"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, change):
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100)
    source = opened(path)
    describe(source)
    assert source.read(0, 10) == b"x" * 10
    before = path.stat()
    if change == "append":
        with path.open("ab") as file:
            file.write(b"y")
    elif change == "truncate":
        os.truncate(path, 50)
    else:
        path.write_bytes(b"y" * 100)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(ClientError, match="is being changed while it is sent") as changed:
        source.read(10, 10)
    assert changed.value.code == "source-changed"


def test_a_file_that_is_replaced_or_removed_is_sent_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    source = opened(path)
    file = describe(source)
    (tmp_path / "new").write_text("another")
    (tmp_path / "new").rename(path)
    path.unlink()
    assert source.read(0, 3) == b"old"
    assert file.sha256 == hashlib.sha256(b"old").hexdigest()


def test_a_large_file_is_read_in_slices_and_a_stop_ends_that(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2 * SLICE + 5)
    source = opened(path)
    assert (source.describe(), source.hashed) == (None, SLICE)
    assert (source.describe(), source.hashed) == (None, 2 * SLICE)
    assert source.describe().size == 2 * SLICE + 5
    again = opened(path)
    again.describe()
    again.stop()
    with pytest.raises(ClientError) as stopped:
        again.describe()
    assert stopped.value.code == "cancelled"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("report.pdf", "report.pdf"),
        ("a\nb\x1b[2J", "a_b_[2J"),
        ("a\\b", "a_b"),
        (b"\xff.txt".decode(errors="surrogateescape"), "\ufffd.txt"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("x" * 300 + ".txt", "x" * 251 + ".txt"),
        ("x." + "y" * 300, "x." + "y" * 253),
    ],
)
def test_names_are_told_such_that_a_server_takes_them(name, told):
    assert told_name(Path(name)) == told


@given(st.text(max_size=400))
def test_every_name_becomes_one_that_can_be(name):
    told = told_name(Path("folder") / name.replace("\0", "").replace("/", ""))
    check_file_name(told)


def test_media_types():
    kinds = {name: media_of(name) for name in ("a.png", "a.txt", "a.tar.xz", "a.weird", "README")}
    assert kinds == {
        "a.png": "image/png",
        "a.txt": "text/plain",
        "a.tar.xz": "application/x-xz",
        "a.weird": "application/octet-stream",
        "README": "application/octet-stream",
    }
