"""chatctl as operators run it."""

import hashlib
import json
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

from chatd import __version__
from chatd.files.blobs import BlobStore, Key
from chatd.ops.chatctl import main

DEFAULT = Path(__file__).parents[2] / "etc" / "chatd.toml"


def test_a_right_file(run, tmp_path):
    (tmp_path / "chatd.toml").write_text("[log]\nlevel = 'debug'\n")
    done = run("chatctl", "check-config", "chatd.toml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "chatd.toml is right\n", "")


def test_the_default_file_is_right(run):
    assert run("chatctl", "check-config", DEFAULT).returncode == 0


def test_every_mistake_has_its_line(run, tmp_path):
    (tmp_path / "bad.toml").write_text(
        "dta = 1\n[heartbeat]\ninterval = '5'\n[[listen]]\nendpoint = 'tcp:1'\n"
    )
    done = run("chatctl", "check-config", "bad.toml")
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["bad.toml", "dta"],
        ["bad.toml", "heartbeat.interval"],
        ["bad.toml", "listen[0].endpoint"],
    ]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("nope.toml", "the file cannot be read: No such file or directory."), ("a\nb", "the file cannot")],
)
def test_no_such_file(run, file, sentence):
    done = run("chatctl", "check-config", file)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert sentence in line


def test_help_and_version(run):
    assert run("chatctl", "--version").stdout == f"chatctl {__version__}\n"
    assert "check-config" in run("chatctl", "--help").stdout


def test_files_are_listed(tmp_path):
    store = BlobStore(tmp_path)
    store.prepare()
    content = b"Hello, file!\n"
    digest = hashlib.sha256(content).hexdigest()
    part = store.open(Key(7, digest), len(content))
    part.write([content])
    part.check()
    store.place(Key(7, digest), part)
    part = store.open(Key(8, "0" * 64), 1000)
    part.write([b"x" * 500])
    part.keep(part.mark())
    result = CliRunner().invoke(main, ["files", str(tmp_path)])
    assert result.output == (f"content {digest} 13 bytes\npartial {'0' * 64} 500 of 1000 bytes of user 8\n")
    result = CliRunner().invoke(main, ["files", "--json", str(tmp_path)])
    assert [json.loads(line) for line in result.output.splitlines()] == [
        {"kind": "content", "sha256": digest, "size": 13, "stored": 13},
        {"kind": "partial", "sha256": "0" * 64, "size": 1000, "stored": 500, "user": 8},
    ]
    part.close()


@pytest.mark.parametrize("command", ["files", "space"])
def test_a_folder_of_something_else_is_called_so(tmp_path, command):
    (tmp_path / "passwd").write_text("root")
    result = CliRunner().invoke(main, [command, str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith(
        f"chatctl: {tmp_path}: this is no data folder of chatd, it has no chatd.sqlite; "
    )


def test_a_folder_without_files_lists_nothing(tmp_path):
    (tmp_path / "chatd.sqlite").touch()
    result = CliRunner().invoke(main, ["files", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"There are no files in {tmp_path}.\n"
    assert CliRunner().invoke(main, ["files", str(tmp_path), "--json"]).output == ""


# ---- space ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shrinks", [True, False])
def test_how_much_room_a_data_folder_takes(tmp_path, shrinks):
    database = apsw.Connection(str(tmp_path / "chatd.sqlite"))
    database.pragma("auto_vacuum", 2 if shrinks else 0)
    database.execute("CREATE TABLE events(key INTEGER PRIMARY KEY, frame BLOB NOT NULL)")
    database.executemany("INSERT INTO events VALUES(?, ?)", ((n, bytes(1000)) for n in range(200)))
    database.execute("DELETE FROM events WHERE key < 150")
    free = database.pragma("freelist_count") * database.pragma("page_size")
    assert free > 100_000
    size = (tmp_path / "chatd.sqlite").stat().st_size
    store = BlobStore(tmp_path)
    store.prepare()
    digest = "ab" * 32
    (tmp_path / "blobs" / "ab").mkdir()
    (tmp_path / "blobs" / "ab" / digest).write_bytes(b"content")
    done = CliRunner().invoke(main, ["space", str(tmp_path)])
    assert done.exit_code == 0
    hint = [] if shrinks else ["it cannot shrink before the daemon's next start has written it anew"]
    assert done.output.splitlines() == [
        f"database {size} bytes, of which {free} are free",
        *hint,
        "write-ahead log 0 bytes",
        "1 content, 7 bytes",
        "0 partial uploads, 0 bytes",
    ]
    taken = json.loads(CliRunner().invoke(main, ["space", "--json", str(tmp_path)]).output)
    assert taken == {
        "database": size,
        "free": free,
        "shrinks": shrinks,
        "wal": 0,
        "contents": 1,
        "contents_bytes": 7,
        "partial": 0,
        "partial_bytes": 0,
    }


def test_a_folder_without_a_database_takes_one_sentence(tmp_path):
    (tmp_path / "chatd.sqlite").write_bytes(b"no")
    done = CliRunner().invoke(main, ["space", str(tmp_path)])
    assert (done.exit_code, done.output) == (1, f"chatctl: {tmp_path}: chatd.sqlite is no database\n")
