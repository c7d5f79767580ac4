"""The daemon as twistd starts it: its options, its log under twistd's options, and what prevents a start."""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError
from zope.interface.verify import verifyObject

from chatd import __version__
from chatd.tap import Options, makeService
from tests.end_to_end.harness.processes import environment, script
from tests.end_to_end.harness.program import Program

PORT = "tcp:0:interface=127.0.0.1"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (debug|info|warn|error|critical) \S+")


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


@contextmanager
def daemon(folder, *twistd, chatd=("--listen", PORT)):
    """Run a daemon in the foreground, and stop it with SIGTERM; yields the process and its output file."""
    output = folder / "output"
    with output.open("wb") as file:
        process = Program(
            [*script("twistd"), "-n", *twistd, "chatd", *chatd],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, output
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def started(file):
    return file.exists() and re.search(r"\bstart\b.*\bversion\b", file.read_text())


def test_twistd_knows_us():
    assert "chatd" in {plugin.tapname for plugin in getPlugins(IServiceMaker)}


def test_help(run):
    done = run("twistd", "chatd", "--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--config=", "--data=", "--listen="))
    assert run("twistd", "chatd", "--version").stdout == f"chatd {__version__}\n"


def test_the_command_tells_its_own_options_alone(run):
    done = run("chatd", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: chatd [options]\n")
    assert "twistd" not in done.stdout
    assert run("chatd", "--version").stdout == f"chatd {__version__}\n"
    for wrong, sentence in (
        ("--nosuch", "option --nosuch not recognized"),
        ("surplus", "Wrong number of arguments"),
        ("--config", "option --config requires argument"),
    ):
        done = run("chatd", wrong)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"chatd: {sentence}; chatd --help names the options\n"


def test_options():
    options = Options()
    options.parseOptions(["-c", "f", "--data", "d", "--listen", "unix:/a", "--listen", "unix:/b"])
    assert (options["config"], options["data"], options["listen"]) == ("f", "d", ["unix:/a", "unix:/b"])
    with pytest.raises(UsageError):
        Options().parseOptions(["surplus"])


def test_a_service_is_made_without_opening_anything(tmp_path):
    options = Options()
    options.parseOptions(["--data", str(tmp_path / "data")])
    assert verifyObject(IService, makeService(options))
    assert not list(tmp_path.iterdir())


def test_nothing_imports_the_reactor_before_it_is_chosen(run):
    program = "import sys, chatd.tap; sys.exit('twisted.internet.reactor' in sys.modules)"
    assert run("python", "-c", program).returncode == 0


WRONG = {
    "mistakes in the file": (
        ["--config", "bad.toml"],
        ["chatd: bad.toml: dta: ", "chatd: bad.toml: log.format: "],
    ),
    "no file": (["--config", "nope.toml"], ["chatd: nope.toml: the file cannot be read: "]),
    "plain text": (["--listen", "tcp:0"], ["chatd: --listen: tcp:0 speaks plain text "]),
    "no endpoint": (["--listen", "x"], ["chatd: --listen: 'x' is not an endpoint "]),
    "no data": (["--data", ""], ["chatd: --data: expected "]),
}


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
@pytest.mark.parametrize(("options", "starts"), WRONG.values(), ids=WRONG.keys())
def test_mistakes_are_one_sentence_each(options, starts, background, run, tmp_path):
    (tmp_path / "bad.toml").write_text("dta = 1\n[log]\nformat = 'xml'\n")
    done = run("twistd", *(() if background else ("-n",)), "chatd", *options)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
    assert done.stdout == ""


def test_a_log_file_that_cannot_be_opened(run):
    done = run("twistd", "-n", "--logfile", "/nope/log", "chatd", "--listen", PORT)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("chatd: the log file cannot be opened: ")


def test_the_terminal_shows_our_text(tmp_path):
    with daemon(tmp_path) as (_, output):
        wait_for(lambda: started(output))
    lines = output.read_text().splitlines()
    assert all(LINE.match(line) for line in lines), lines
    assert " info start " in lines[0]
    assert " info stop" in lines[-1]
    assert (tmp_path / "chatd-data").is_dir()


def test_a_log_file_gets_our_text_and_is_opened_anew_for_rotation(tmp_path):
    log = tmp_path / "chatd.log"
    with daemon(tmp_path, "--logfile", "chatd.log") as (process, output):
        wait_for(lambda: started(log))
        log.rename(tmp_path / "chatd.log.1")
        process.send_signal(signal.SIGUSR1)
        wait_for(log.exists)
    assert " info stop" in log.read_text()
    assert all(LINE.match(line) for line in log.read_text().splitlines())
    assert output.read_text() == ""


JSON = {
    "the option": (["--logger", "chatd.ops.json_lines"], "", "output"),
    "the option with a file": (["--logger", "chatd.ops.json_lines", "--logfile", "l"], "", "l"),
    "the configuration": ([], "[log]\nformat = 'json'", "output"),
    "the configuration with a file": (["--logfile", "l"], "[log]\nformat = 'json'", "l"),
}


@pytest.mark.parametrize(("twistd", "config", "name"), JSON.values(), ids=JSON.keys())
def test_json_lines(twistd, config, name, tmp_path):
    (tmp_path / "chatd.toml").write_text(config)
    with daemon(tmp_path, *twistd, chatd=["-c", "chatd.toml", "--listen", PORT]):
        wait_for(lambda: started(tmp_path / name))
    events = [json.loads(line)["event"] for line in (tmp_path / name).read_text().splitlines()]
    assert "start" in events
    assert "stop" in events


def test_the_option_beats_the_configuration_but_the_level_holds(tmp_path):
    (tmp_path / "chatd.toml").write_text("[log]\nformat = 'json'\nlevel = 'warn'")
    options = ["-c", "chatd.toml", "--listen", PORT]
    with daemon(tmp_path, "--logger", "chatd.ops.text_lines", "--pidfile", "p", chatd=options):
        wait_for((tmp_path / "p").exists)
        wait_for((tmp_path / "chatd-data" / "chatd.sqlite").exists)
    assert (tmp_path / "output").read_text() == ""


POWER_CUT = {"no pid file": None, "an empty pid file": b"", "a pid file of zeros": b"\0" * 5}
"""What a power cut may have left of a pid file."""


@pytest.mark.parametrize("content", POWER_CUT.values(), ids=POWER_CUT.keys())
def test_in_the_foreground(tmp_path, content):
    if content is not None:
        (tmp_path / "chatd.pid").write_bytes(content)
    with daemon(tmp_path, "--pidfile", "chatd.pid") as (process, output):
        wait_for(lambda: started(output))
        assert (tmp_path / "chatd.pid").read_text() == str(process.pid)
    assert not (tmp_path / "chatd.pid").exists()


@pytest.mark.parametrize("content", POWER_CUT.values(), ids=POWER_CUT.keys())
def test_in_the_background(run, tmp_path, content):
    log, pid = tmp_path / "twistd.log", tmp_path / "chatd.pid"
    if content is not None:
        pid.write_bytes(content)
    assert run("twistd", "--pidfile", "chatd.pid", "chatd", "--listen", PORT).returncode == 0
    number = int(wait_for(lambda: pid.exists() and pid.read_text()))
    try:
        wait_for(lambda: started(log))
        os.kill(number, signal.SIGTERM)
        wait_for(lambda: not pid.exists())
    except BaseException:
        os.kill(number, signal.SIGKILL)
        raise
    assert all(LINE.match(line) for line in log.read_text().splitlines())


@pytest.mark.parametrize("what", ["the address", "the data"])
def test_what_is_in_use_is_one_sentence(what, run, tmp_path):
    socket = tmp_path / "socket"
    with daemon(tmp_path, chatd=["--listen", f"unix:{socket}"]) as (_, output):
        wait_for(lambda: started(output))
        options = (
            ["--listen", f"unix:{socket}", "--data", "other"] if what == "the address" else ["--listen", PORT]
        )
        done = run("twistd", "-n", "--pidfile=", "chatd", *options)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    sentence = "in use" if what == "the data" else "can listen on"
    assert len([line for line in (done.stdout + done.stderr).splitlines() if sentence in line]) == 1
