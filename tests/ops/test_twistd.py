"""Places and users of twistd's own options that cannot be had: one sentence, and no traceback."""

import os
import shutil
import subprocess

import pytest

from chatd.ops.twistd import OptionError, check_options
from tests.end_to_end.harness.processes import environment, script


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rundir": "nosuch"}, "the folder nosuch of --rundir cannot be entered: No such file or directory"),
        ({"rundir": "file"}, "the folder file of --rundir cannot be entered: Not a directory"),
        ({"chroot": "nosuch"}, "the folder nosuch of --chroot cannot be entered: No such file or directory"),
        ({"pidfile": "nosuch/pid"}, "the folder nosuch of the pid file pid cannot be entered: No such file"),
        ({"pidfile": "folder"}, "the pid file folder cannot be written: Is a directory; name another"),
        ({"rundir": "folder", "pidfile": "a/pid"}, "the folder folder/a of the pid file pid cannot be"),
        ({"uid": 54321}, "no user has the number 54321 of --uid; make one"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OptionError) as caught:
        check_options(options)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rundir": "folder", "pidfile": "pid", "uid": os.getuid(), "chroot": None},
        {"pidfile": "pid", "rundir": "."},
        {"pidfile": "", "rundir": "."},
        {"chroot": "folder", "pidfile": "nosuch/pid"},
    ],
)
def test_what_can_be_is_left_to_twistd(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "pid").write_text("12")
    check_options(options)
    assert (tmp_path / "pid").read_text() == "12"


AS_NOBODY = ["unshare", "--user", "--map-user=54321"]

CLOSED = [
    (["chatd"], "chatd: the working folder cannot be entered: Permission denied; start chatd in another one"),
    (["chatc", "--ephemeral", "--nick", "ann", "get", "#a", "3"], "chatc: There is no folder .;"),
    (["chatctl", "make-cert", "localhost"], ". cannot be written: Permission denied."),
]


@pytest.mark.parametrize(("command", "sentence"), CLOSED, ids=[command[0] for command, _ in CLOSED])
def test_a_working_folder_that_may_not_be_entered(tmp_path, command, sentence):
    if shutil.which("unshare") is None or subprocess.run([*AS_NOBODY, "true"], check=False).returncode:
        pytest.skip("user namespaces need util-linux and a kernel that lets us make them")
    done = subprocess.run(
        [*AS_NOBODY, "sh", "-c", 'chmod 0 . && exec "$@"', "sh", *script(command[0]), *command[1:]],
        cwd=tmp_path,
        env=environment(CHATD_SERVER="127.0.0.1:9"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_working_folder_that_was_deleted(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir ../gone && exec "$@"', "sh", *script("chatc"), "put", "#a", "file"],
        cwd=folder,
        env=environment(XDG_STATE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "chatc: file cannot be read: No such file or directory."
