"""Pid files that a crash or a power cut left hold up no start, and no other file is touched."""

import fcntl
import os

import pytest

from chatd.ops.pidfile import forget_stale

DAMAGED = {
    "empty": b"",
    "zeros": b"\0" * 4096,
    "blank": b" \n",
    "torn": b"12\xff\x00",
    "garbage": b"garbage\n",
    "our own number": b"%d",
    "too large a number": b"99999999999999999999",
    "a negative number": b"-5\n",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_daemons_is_removed(tmp_path, content):
    path = tmp_path / "twistd.pid"
    path.write_bytes(content % os.getpid() if b"%" in content else content)
    forget_stale(path)
    assert not path.exists()


OTHERS = {
    "a configuration": b"[limits]\nnew_sessions_per_minute = 10\n",
    "long": b"\0" * 5000,
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS.keys())
def test_a_file_that_is_no_pid_file_stays(tmp_path, content):
    path = tmp_path / "twistd.pid"
    path.write_bytes(content)
    forget_stale(path)
    assert path.read_bytes() == content


def test_one_that_is_locked_stays(tmp_path):
    path = tmp_path / "twistd.pid"
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        forget_stale(path)
    assert path.exists()


def test_what_is_no_file_stays(tmp_path):
    os.mkfifo(tmp_path / "twistd.pid")
    forget_stale(tmp_path / "twistd.pid")
    forget_stale(tmp_path)
    forget_stale(tmp_path / "none")
    assert (tmp_path / "twistd.pid").exists()
