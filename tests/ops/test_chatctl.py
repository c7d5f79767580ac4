"""chatctl as operators run it."""

import hashlib
import json
from pathlib import Path

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


def test_a_folder_without_files_lists_nothing(tmp_path):
    result = CliRunner().invoke(main, ["files", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "")
