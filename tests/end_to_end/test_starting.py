"""What keeps the daemon from starting: exit 1 and one sentence that says what to do."""

import os
import pwd
import shutil
import socket
import sqlite3
import tempfile
from pathlib import Path

import pytest

from tests.disks import fill
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, script
from tests.end_to_end.harness.program import run_with_offspring
from tests.end_to_end.harness.raw import Raw

FOREGROUND = ("-n",)
BACKGROUND = ("--logfile", "twistd.log")
BOTH = pytest.mark.parametrize("how", [FOREGROUND, BACKGROUND], ids=["foreground", "daemonised"])


class Failed:
    """A start that failed: what was said where."""

    def __init__(self, daemon: Daemon, how, prefix=()):
        options = daemon.command[daemon.command.index("chatd") :]
        twistd = [*script("twistd"), *how, "--pidfile", "chatd.pid"]
        done = run_with_offspring(*prefix, *twistd, *options, cwd=daemon.folder)
        log = daemon.folder / "twistd.log"
        self.status = done.returncode
        self.terminal = done.stdout + done.stderr
        self.log = log.read_text() if log.exists() else ""
        self.pid_file = daemon.folder / "chatd.pid"

    def sentence(self, *parts):
        """Check that the terminal, and the log too, got one sentence that has ``parts``."""
        everything = self.terminal + self.log
        assert self.status == 1, everything
        assert "Traceback" not in everything
        assert not self.pid_file.exists()
        said = [_sentences(self.terminal), *([_sentences(self.log)] if self.log else [])]
        for found in said:
            assert len(found) == 1, everything
            assert all(part in found[0] for part in parts), found[0]


def _sentences(text):
    return [line for line in text.splitlines() if "chatd: " in line or " start-failed " in line]


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Return the data folder that a daemon has left, with a database of a few hundred kilobytes."""
    daemon = Daemon(tmp_path_factory.mktemp("left")).start()
    with Raw(dial(daemon.port)) as ann:
        ann.enter("ann")
        ann.join("#a")
        for n in range(1, 41):
            ann.send("#a", "x" * 10_000, n)
    assert daemon.terminate() == 0
    return daemon.data


@pytest.fixture
def used(make_daemon, left):
    """Return a daemon that has stopped, with such data of its own."""
    daemon = make_daemon()
    shutil.copytree(left, daemon.data)
    return daemon


@BOTH
def test_port_in_use(make_daemon, how):
    daemon = make_daemon()
    with socket.create_server((LOOPBACK, daemon.port)):
        Failed(daemon, how).sentence(f"tcp:{daemon.port}", "Address already in use", "name another")


def test_nothing_is_to_be_stopped_where_nothing_is(make_daemon):
    daemon = make_daemon()
    daemon.listen = (*daemon.listen, f"unix:{daemon.folder}/none/chat.sock")
    failed = Failed(daemon, FOREGROUND)
    failed.sentence("No such file or directory; name another endpoint.")


@BOTH
def test_second_of_several_ports_in_use(make_daemon, how):
    with socket.create_server((LOOPBACK, 0)) as other:
        taken = f"tcp:{other.getsockname()[1]}:interface={LOOPBACK}"
        daemon = make_daemon(listen=(f"tcp:0:interface={LOOPBACK}", taken))
        Failed(daemon, how).sentence(taken, "Address already in use")


@BOTH
def test_data_folder_of_a_running_daemon(make_daemon, connect, how):
    first, second = make_daemon(), make_daemon()
    second.data = first.data
    first.start()
    Failed(second, how).sentence(str(first.data), "in use by another daemon", "--data")
    assert connect(first).enter("ann").nick == "ann"


@BOTH
def test_disk_that_is_full(used, small_disk, how):
    shutil.copytree(used.data, small_disk / "data")
    used.data = small_disk / "data"
    filling = fill(small_disk)
    Failed(used, how).sentence("no space is left on the disk; free some, then start again; nothing is lost")
    filling.unlink()
    used.start()


@BOTH
def test_data_folder_below_a_file(make_daemon, how):
    daemon = make_daemon()
    daemon.data = daemon.folder / "chatd.toml" / "data"
    Failed(daemon, how).sentence("cannot be used", "--data")


def _without_privileges():
    """Return a command prefix under which file permissions count for root too."""
    if os.geteuid():
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to give that up")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@BOTH
def test_data_folder_that_cannot_be_made(make_daemon, how):
    daemon = make_daemon()
    closed = daemon.folder / "closed"
    closed.mkdir(mode=0o500)
    daemon.data = closed / "data"
    Failed(daemon, how, _without_privileges()).sentence("cannot be used", "Permission denied")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@BOTH
def test_a_data_folder_that_another_user_cannot_use(used, how):
    who = "65534"
    user = pwd.getpwuid(int(who)).pw_name
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        mine = Path(folder) / "mine"
        mine.mkdir(mode=0o700)
        for data, words in (
            (mine, f"; give it to that user (chown -R {user} {mine}) or name another with --data."),
            (mine / "data", f", who may not enter {mine}; name another with --data."),
            (Path(folder) / "new", f"(mkdir -p {folder}/new; chown -R {user} {folder}/new) or name another"),
        ):
            used.data = data
            failed = Failed(used, (*how, "--uid", who))
            assert failed.status == 1
            (sentence,) = _sentences(failed.terminal)
            assert f"cannot be used: Permission denied for the user {user}" in sentence
            assert words in sentence
            if how is BACKGROUND:
                assert "b'chatd.service.StartError: the daemon has said why'" in failed.terminal
            failed.pid_file.unlink(missing_ok=True)  # twistd's, which its new user could not remove


@BOTH
def test_data_folder_that_cannot_be_written(used, how):
    used.data.chmod(0o500)
    (used.data / "chatd.sqlite").chmod(0o400)
    try:
        failed = Failed(used, how, _without_privileges())
    finally:
        used.data.chmod(0o700)
    failed.sentence(str(used.data), "cannot be used", "Permission denied")


@BOTH
def test_database_that_cannot_be_written(used, how):
    (used.data / "chatd.sqlite").chmod(0o400)
    Failed(used, how, _without_privileges()).sentence("chatd.sqlite", "cannot be used", "Permission denied")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: overwrite(path, 0, b"\xee" * 100),
        lambda path: overwrite(path, 0, b"not a database at all\n"),
        lambda path: overwrite(path, path.stat().st_size // 2 // 4096 * 4096, b"\xee" * 8192),
        lambda path: overwrite(path, 100, b"\xee" * 3996),
        lambda path: os.truncate(path, path.stat().st_size // 3),
        lambda path: os.truncate(path, 5000),
        lambda path: os.truncate(path, 50),
    ],
    ids=["header", "text", "middle", "first-page", "truncated", "one-page", "stump"],
)
def test_damaged_database(used, damage):
    damage(used.data / "chatd.sqlite")
    Failed(used, FOREGROUND).sentence("chatd.sqlite", "damaged", "backup")


def test_damaged_database_of_a_daemon_in_the_background(used):
    overwrite(used.data / "chatd.sqlite", 0, b"\xee" * 100)
    Failed(used, BACKGROUND).sentence("chatd.sqlite", "damaged", "backup")


def test_database_without_our_tables(used):
    path = used.data / "chatd.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE sessions")
    database.close()
    Failed(used, FOREGROUND).sentence("chatd.sqlite", "damaged", "backup")


def test_database_of_another_program(make_daemon):
    daemon = make_daemon()
    daemon.data.mkdir()
    with sqlite3.connect(daemon.data / "chatd.sqlite") as database:
        database.execute("CREATE TABLE users(name TEXT)")
    database.close()
    Failed(daemon, FOREGROUND).sentence("chatd.sqlite")


@BOTH
def test_database_from_a_newer_version(used, how):
    with sqlite3.connect(used.data / "chatd.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    Failed(used, how).sentence("newer version", "99", "install that version")


@BOTH
def test_configuration_that_is_not_there(make_daemon, how):
    daemon = make_daemon()
    daemon._config.unlink()
    Failed(daemon, how).sentence("chatd.toml", "cannot be read", "No such file")


def test_configuration_that_is_no_text(make_daemon):
    daemon = make_daemon()
    daemon._config.write_bytes(b"\xff\xfe\x00")
    Failed(daemon, FOREGROUND).sentence("chatd.toml")


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ("this is not TOML", ()),
        ("dta = 'x'\n", ("dta", "data")),
        ("[heartbeat]\ninterval = 'often'\n", ("heartbeat.interval", "number")),
        ("[limits]\nhello_timeout = -1\n", ("limits.hello_timeout",)),
    ],
    ids=["syntax", "unknown-key", "wrong-type", "out-of-range"],
)
def test_wrong_configuration(make_daemon, config, parts):
    Failed(make_daemon(config), FOREGROUND).sentence("chatd.toml", *parts)


def test_every_mistake_is_named(make_daemon):
    daemon = make_daemon("dta = 'x'\n[heartbeat]\ninterval = 'often'\n")
    failed = Failed(daemon, FOREGROUND)
    lines = failed.terminal.splitlines()
    assert failed.status == 1
    assert len(lines) == 2
    assert "dta" in lines[0]
    assert "heartbeat.interval" in lines[1]


@BOTH
@pytest.mark.parametrize("interface", ["0.0.0.0", ""])
def test_plain_text_beyond_this_machine(make_daemon, how, interface):
    daemon = make_daemon(listen=(f"tcp:0:interface={interface}" if interface else "tcp:0",))
    Failed(daemon, how).sentence("plain text", "certificate", "allow_plaintext")


def test_plain_text_beyond_this_machine_by_wish(make_daemon, connect):
    daemon = make_daemon("allow_plaintext = true\nguests = 'allowed'\n")
    daemon.listen = (f"tcp:{daemon.port}",)
    daemon.start()
    assert connect(daemon).enter("ann").nick == "ann"


@BOTH
@pytest.mark.parametrize("fault", ["absent", "no-certificate", "other-key"])
def test_bad_certificate(make_daemon, certificate, tmp_path, how, fault):
    _, key = certificate()
    bad, _ = certificate("other") if fault == "other-key" else (tmp_path / "bad.crt", None)
    if fault == "no-certificate":
        bad.write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    port = make_daemon().port
    config = f'[[listen]]\nendpoint = "tcp:{port}"\ncertificate = "{bad}"\nkey = "{key}"\n'
    daemon = make_daemon(config)
    daemon.listen = ()
    Failed(daemon, how).sentence(str(bad if fault != "other-key" else key))


@BOTH
def test_unusable_endpoint(make_daemon, how):
    daemon = make_daemon(listen=("tcp:7411:interface=nowhere",))
    Failed(daemon, how).sentence("--listen", "nowhere")
