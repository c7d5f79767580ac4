"""What chatc imports: nobody waits for what is not needed."""

import gc
import subprocess
import sys

import pytest

from chatd.client.cli.starting import begin_to_collect, leave_tls_out, spare_the_collector
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import free_port

SHOWN = {"PYTHONPROFILEIMPORTTIME": "1"}
"""Has Python name each module on standard error when it is imported."""

TLS = {"ssl", "_ssl", "cryptography", "service_identity"}

UNUSED = {"asyncio.base_events", "http.client", "email.message", "urllib.request"}
"""What is large, and stands behind names that Twisted imports and hardly uses."""

FILES = {"chatd.client.files.carrier"}


def imported(err):
    """Return the modules that were imported, from the lines about them."""
    return {line.rpartition("|")[2].strip() for line in err.splitlines() if line.startswith("import time:")}


def test_help_imports_nothing_large(run):
    status, out, err = run("--help", env={**SHOWN, "COLUMNS": ""})  # where it is said, help is made for it
    assert (status, out.split()[:2]) == (0, ["Usage:", "chatc"]), err[-300:]
    assert "chatd.client.cli.manual" in imported(err)
    assert not imported(err) & {"click", "typing", "pathlib", "msgspec", "chatd.client.cli.commands", "ssl"}


def test_help_that_is_made_imports_no_twisted(run):
    status, out, err = run("--help", env={**SHOWN, "COLUMNS": "60"})
    assert status == 0, err[-300:]
    assert max(map(len, out.splitlines())) < 60
    assert "click" in imported(err)
    assert "twisted" not in imported(err)


@pytest.mark.parametrize("command", [("send", "#a", "hello"), ("rooms",)])
def test_plain_text_imports_no_tls(run, command):
    status, _, err = run(*command, env=SHOWN)
    assert status == 0, err[-300:]
    assert "twisted.internet" in imported(err)
    assert not imported(err) & (TLS | UNUSED | FILES)


POSTPONED = """
import sys
from chatd.client.cli.starting import postpone
postpone()
import asyncio, http.cookiejar
from asyncio import AbstractEventLoop, Future, iscoroutine
from http import cookiejar
assert not {"asyncio.base_events", "ssl", "urllib.request"} & set(sys.modules)
async def found(): return asyncio.get_running_loop()
coroutine = found()
assert iscoroutine(coroutine)
loop = asyncio.run(coroutine)
assert sys.modules["asyncio"] is asyncio and type(asyncio) is type(sys)
assert isinstance(loop, AbstractEventLoop) and asyncio.AbstractEventLoop is AbstractEventLoop
assert Future is asyncio.Future is asyncio.futures.Future and iscoroutine is asyncio.coroutines.iscoroutine
assert len(cookiejar.CookieJar()) == 0 and http.cookiejar is cookiejar
try:
    asyncio.nothing
except AttributeError as error:
    assert "nothing" in str(error)
"""


def test_what_is_postponed_is_there_when_it_is_needed():
    done = subprocess.run([sys.executable, "-c", POSTPONED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_tls_is_spoken_where_it_is_asked_for(run, make_daemon, tmp_path):
    certificate, key = make_certificate(tmp_path, "localhost")
    secure, port = make_daemon(), free_port()
    secure.listen = (*secure.listen, f"ssl:{port}:interface=127.0.0.1:certKey={certificate}:privateKey={key}")
    secure.start()
    where = ("--server", f"tls://localhost:{port}", "--ca", str(certificate))
    status, _, err = run(*where, "send", "#a", "hello", env=SHOWN)
    assert status == 0, err[-300:]
    assert imported(err) >= TLS - {"ssl", "_ssl"}


def test_a_process_that_has_twisted_keeps_its_tls():
    leave_tls_out()
    assert sys.modules.get("OpenSSL", "not imported yet") is not None


def test_the_collector_waits_for_the_run_alone():
    try:
        spare_the_collector()
        assert not gc.isenabled()
        begin_to_collect()
        assert gc.isenabled()
        assert gc.get_freeze_count()
    finally:
        gc.enable()
        gc.freeze()  # as the tests were before: they would be looked through again and again
