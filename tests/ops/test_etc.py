"""What etc/ ships agrees with the code."""

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import msgspec
import pytest

from chatd.ops.config import Config, parse
from chatd.ops.fields import FIELDS
from chatd.ops.settings import Section
from chatd.server.admission import HANGS

ETC = Path(__file__).parents[2] / "etc"
DEFAULT = (ETC / "chatd.toml").read_text()


def enabled(text):
    """Uncomment the keys, which have no space behind their sign; prose has one."""
    return re.sub(r"(?m)^#(?=\S)", "", text)


def test_the_default_file_says_the_defaults():
    assert parse(DEFAULT) == Config()
    assert parse(enabled(DEFAULT)) == Config()


def keys(section, path=""):
    for name, value in ((name, getattr(section, name)) for name in section.__struct_fields__):
        inner = value[0] if value and isinstance(value, tuple) else value
        if isinstance(inner, Section):
            yield from keys(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def flat(table, path=""):
    for name, value in table.items():
        inner = value[0] if value and isinstance(value, list) else value
        if isinstance(inner, dict):
            yield from flat(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def test_the_default_file_shows_every_key():
    assert sorted(flat(tomllib.loads(enabled(DEFAULT)))) == sorted(keys(Config()))
    assert msgspec.to_builtins(Config())["data"] == "./chatd-data"


def test_the_examples_in_the_prose_are_endpoints():
    assert "tcp:7411:interface=127.0.0.1" in DEFAULT
    assert r"\\:" in DEFAULT


def unit():
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str
    parser.read(ETC / "chatd.service")
    return parser


def test_the_unit_starts_the_daemon_and_keeps_it_up():
    service = unit()["Service"]
    assert " chatd --config /etc/chatd/chatd.toml" in service["ExecStart"]
    assert "--nodaemon" in service["ExecStart"]
    assert service["Restart"] == "always"
    assert service["DynamicUser"] == "yes"
    assert service["StateDirectory"] == "chatd"
    assert int(service["LimitNOFILE"]) > Config().limits.max_connections
    assert float(service["TimeoutStopSec"]) > Config().drain.deadline


@pytest.fixture
def units(tmp_path):
    """Return the units with programs that are there."""
    for name in ("chatd.service", "chatd.socket"):
        text = (ETC / name).read_text()
        (tmp_path / name).write_text(re.sub(r"/opt/chatd/bin/\w+", "/bin/true", text))
    return tmp_path


def analyze(*words):
    done = subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )
    return done.returncode, done.stdout + done.stderr


ANALYZED = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@ANALYZED
def test_systemd_finds_nothing_wrong_with_the_units(units):
    for name in ("chatd.service", "chatd.socket"):
        status, said = analyze("verify", "--man=no", str(units / name))
        assert (status, [line for line in said.splitlines() if "chatd" in line]) == (0, [])


@ANALYZED
def test_the_service_is_as_little_exposed_as_it_was(units):
    status, said = analyze("security", "--offline=true", "--threshold=16", str(units / "chatd.service"))
    if "nrecognized option" in said:
        pytest.skip("this systemd-analyze looks at running services alone")
    assert status == 0, said  # an exposure of 1.6 at the most


def test_no_network_that_is_down_holds_up_the_start():
    """network-online.target waits for two minutes there, at each start."""
    assert "network-online" not in "".join(unit()["Unit"].values())
    assert unit()["Unit"]["After"] == "network.target"


def test_stopping_waits_for_the_end_of_whatever_process_is_the_service(tmp_path):
    """systemd kills at once what was no child of its own when `chatctl upgrade` told of it."""
    (command,) = re.findall(r"^-/bin/sh -c '(.*)'$", unit()["Service"]["ExecStop"])
    slow = "import signal, time, sys\nprint(flush=True)\nsignal.sigwait({signal.SIGTERM})\ntime.sleep(0.5)"
    block = {"preexec_fn": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})}
    with subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE, **block) as process:
        process.stdout.readline()
        reaping = threading.Thread(target=process.wait)  # as systemd does
        reaping.start()
        environment = {**os.environ, "MAINPID": str(process.pid)}
        done = subprocess.run(["sh", "-c", command], env=environment, timeout=60, check=False)
        reaping.join(0)
        assert (done.returncode, process.poll()) == (0, 0)
        reaping.join()
    gone = subprocess.run(["sh", "-c", command], env=environment, stderr=subprocess.DEVNULL, check=False)
    assert gone.returncode, "which the hyphen in the unit forgives: it ended by itself"


def test_the_watchdog_outlasts_a_slow_disk_and_the_first_start_has_all_the_time_it_needs():
    service = unit()["Service"]
    assert service["Type"] == "notify"
    assert service["TimeoutStartSec"] == "infinity"
    assert float(service["WatchdogSec"]) > 10 * HANGS
    assert service["ExecReload"].split()[1] == "reload"


def test_the_lnav_formats_know_our_fields():
    formats = json.loads((ETC / "chatd.lnav.json").read_text())
    assert formats.keys() == {"$schema", "chatd_json", "chatd_text"}
    for name in ("chatd_json", "chatd_text"):
        assert set(formats[name]["value"]) <= set(FIELDS) | {"event", "text", "traceback"}
    assert set(formats["chatd_text"]["value"]) <= set(formats["chatd_json"]["value"])


@pytest.mark.parametrize("name", [path.name for path in ETC.iterdir()])
def test_everything_has_its_line_in_the_manual(name):
    manual = (ETC.parent / "docs" / "OPERATIONS.md").read_text()
    assert f"etc/{name}" in manual


def test_the_container_runs_without_a_pid_file_and_its_configuration_is_right():
    recipe = (ETC / "Containerfile").read_text()
    (written,) = re.findall(r"printf '(.*)' > /etc/chatd.toml", recipe)
    (listener,) = parse(written.replace("\\n", "\n")).listen
    assert listener.allow_plaintext
    (entry,) = re.findall(r"(?m)^ENTRYPOINT (.*)$", recipe)
    assert json.loads(entry)[0] == "chatd"
    assert recipe.index("\nUSER chatd\n") < recipe.index("\nENTRYPOINT ")
    assert "\nSTOPSIGNAL SIGTERM\n" in recipe
    data = json.loads(entry)[json.loads(entry).index("--data") + 1]
    (volume,) = re.findall(r"(?m)^VOLUME (.*)$", recipe)
    assert data.startswith(f"{volume}/")
    assert f"chatctl status --data {data} " in recipe
    (stopping,) = re.findall(r"--stop-timeout (\d+)", recipe)
    assert float(stopping) > Config().drain.deadline


def test_the_image_holds_the_program_alone():
    recipe = (ETC / "Containerfile").read_text()
    copied = [name for line in re.findall(r"(?m)^COPY (.*) /src\S*$", recipe) for name in line.split()]
    assert sorted(copied) == ["LICENSE", "README.md", "chatd", "pyproject.toml", "setup.cfg", "twisted"]
    assert all((ETC.parent / name).exists() for name in copied)
