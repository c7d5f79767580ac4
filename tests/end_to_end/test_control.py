"""chatctl and a real daemon: it is found, it answers, and whoever may not ask is told so in one sentence."""

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from chatd.chatctl import main
from chatd.control.cli.asking import Exit
from chatd.wire.messages import Announcement, Goodbye
from tests.end_to_end.harness.daemon import Daemon

GROUP = 4711
NOBODY = 65_534


def ctl(*words):
    """Run chatctl here and return its status, what it printed, and what it complained of."""
    done = CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "80"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def test_a_daemon_is_found_asked_killed_and_found_again(make_daemon, connect):
    daemon = make_daemon(folder="a-folder-with-a-name-" + "as-long-as-people-make-them" * 4)
    assert ctl("status", "--data", daemon.data)[0] == Exit.NO_DAEMON
    daemon.start()
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    socket_file = daemon.data / "control"
    assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
    code, out, _ = ctl("who", "--data", daemon.data, "--json", "--where", "nick=ann")
    (row,) = [json.loads(line) for line in out.splitlines()]
    assert (code, row["nick"], row["listener"]) == (0, "ann", daemon.listen[0])
    code, out, _ = ctl("status", "--data", daemon.data)
    assert (code, "connections 1" in out) == (0, True)
    assert max(map(len, out.splitlines())) <= 80
    config = daemon.folder / "named.toml"
    config.write_text(f"data = {str(daemon.data)!r}\n")
    assert ctl("rooms", "--config", config)[0] == 0
    assert ctl("kick", "ann", "--data", daemon.data)[0] == 0
    daemon.await_said("client-out")
    code, out, _ = ctl("explain", "ann", "--data", daemon.data)
    assert (code, "ended" in out) == (0, True)
    daemon.kill()
    code, _, complaint = ctl("rooms", "--data", daemon.data)
    assert (code, complaint.count("\n"), "No daemon runs on" in complaint) == (Exit.NO_DAEMON, 1, True)
    daemon.start()
    code, out, _ = ctl("status", "--data", daemon.data, "--json")
    counted = json.loads(out)
    assert (code, counted["pid"]) == (0, daemon.pid)
    code, out, _ = ctl("explain", "ann", "--data", daemon.data, "--json")
    assert (code, json.loads(out)["reason"]) == (0, "ended")
    lines = [
        json.loads(line)
        for line in ctl("tail", "--once", "--json", "--since", "0", "--data", daemon.data)[1].splitlines()
    ]
    assert [line["cursor"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["event"] for line in lines].count("start") == 2
    starts = [(line["rooms"], line["direct"]) for line in lines if line["event"] == "start"]
    assert starts == [(0, 0), (counted["rooms"], counted["direct"])]
    last = lines[-1]["cursor"]
    assert ctl("tail", "--once", "--since", last, "--data", daemon.data)[1] == ""
    socket_file.unlink()
    code, _, complaint = ctl("status", "--data", daemon.data)
    assert (code, "A daemon uses" in complaint) == (Exit.NO_DAEMON, True)
    assert daemon.terminate() == 0


def test_a_day_of_an_operator(make_daemon, connect, tmp_path):
    daemon = make_daemon().start()
    (tmp_path / "secret").write_text("correct horse\n")
    ann = connect(daemon)
    ann.enter("ann")
    code, out, _ = ctl("user", "add", daemon.data, "ben", "--password-file", tmp_path / "secret")
    assert (code, out) == (0, "ben is an account now.\n")
    assert [
        json.loads(line)["nick"] for line in ctl("user", "list", daemon.data, "--json")[1].splitlines()
    ] == ["ben"]
    code, _, complaint = ctl("user", "disable", daemon.data, "cem")
    assert (code, complaint) == (
        Exit.REFUSED,
        "chatctl: There is no account cem; chatctl user list names them.\n",
    )
    assert ctl("announce", "Tea!", "--data", daemon.data)[:2] == (0, "1 connection was told.\n")
    assert ann.await_(Announcement).text == "Tea!"
    assert ctl("log-level", "chatd.server.journal", "error", "--data", daemon.data)[0] == 0
    connect(daemon).enter("dan")
    assert ctl("log-level", "chatd.server.journal", "configured", "--data", daemon.data)[0] == 0
    assert ctl("kick", "dan", "--data", daemon.data)[0] == 0
    daemon.await_said("client-out")
    assert not any("nick=dan" in line for line in daemon.said("client-in"))
    assert ctl("drain", "--over", "1s", "--data", daemon.data)[0] == 0
    assert ann.await_(Goodbye).reason == "drain"
    assert daemon.wait() == 0
    assert ctl("user", "list", daemon.data)[:2] == (0, "ben, 0 sessions\n")


def test_a_drain_over_a_minute_asks_each_client_back_at_another_moment_of_it(make_daemon, connect):
    daemon = make_daemon("[limits]\nmax_connections_per_address = 0\n").start()
    clients = []
    for number in range(200):  # each enters at once: who waits with that is let go
        clients.append(connect(daemon))
        clients[-1].enter(f"nick{number}")
    assert ctl("drain", "--over", "60s", "--data", daemon.data)[0] == 0
    slots = [client.await_(Goodbye).retry_after for client in clients]
    assert sorted(slots) == [round(0.5 + 0.3 * place, 3) for place in range(200)]
    assert slots != sorted(slots)
    assert daemon.wait() == 0


def offered(*words, **ctx_args):
    complete = ShellComplete(main, ctx_args, "chatctl", "_CHATCTL_COMPLETE")
    return [item.value for item in complete.get_completions([str(word) for word in words[:-1]], words[-1])]


def test_the_shell_offers_what_there_is(make_daemon, connect):
    daemon = make_daemon().start()
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#tea")
    assert offered("stat") == ["status"]
    assert offered("kick", "--data", daemon.data, "a") == ["ann"]
    assert offered("trace", "--data", daemon.data, "#") == ["#tea"]
    assert offered("kick", "--data", daemon.data, "x", "--room", "#t") == ["#tea"]
    assert offered("kick", "--data", daemon.folder, "a") == []
    assert ctl("ban", "192.0.2.0/24", "--data", daemon.data)[0] == 0
    assert offered("unban", "--data", daemon.data, "1") == ["192.0.2.0/24"]
    assert offered("bans", "--data", daemon.data, "--room", "#t") == ["#tea"]
    assert offered("tail", "--level", "d") == ["debug"]
    assert offered("va") == ["vacuum"]
    for shell in ("zsh", "fish"):
        assert "_CHATCTL_COMPLETE" in ctl("completion", shell)[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_others_are_refused_and_a_group_is_let_in():
    folder = Path(tempfile.mkdtemp())
    daemon = Daemon(folder, f"[control]\ngroup = '{GROUP}'\nrights = 'look'\n")
    try:
        folder.chmod(0o711)
        daemon.start()
        assert stat.S_IMODE((daemon.data / "control").stat().st_mode) == 0o660
        assert stat.S_IMODE(daemon.data.stat().st_mode) == 0o710
        ctl("status", "--data", daemon.data)  # what it needs is imported before somebody else calls it
        assert as_nobody([], "status", "--data", daemon.data) == Exit.NOT_PERMITTED
        assert as_nobody([GROUP], "status", "--data", daemon.data) == 0
        assert as_nobody([], "user", "list", daemon.data) == Exit.NOT_PERMITTED
        assert as_nobody([GROUP], "user", "list", daemon.data) == 0
        assert as_nobody([GROUP], "verify", "--data", daemon.data, says="You may not read the data") == 1
        (daemon.data / "control").chmod(0o666)
        daemon.data.chmod(0o711)
        assert as_nobody([], "status", "--data", daemon.data) == Exit.NOT_PERMITTED
        daemon.await_said("control-refused")
        assert daemon.terminate() == 0
    finally:
        daemon.end()
        shutil.rmtree(folder)


def as_nobody(groups, *words, says=""):
    """Return the status of chatctl for somebody in ``groups``; 98 if it does not complain as it ``says``."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            os.setgroups(groups)
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            status, _, complaint = ctl(*words)
            status = status if complaint.startswith(f"chatctl: {says}" if says else "") else 98
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
