"""What chatc imports: nobody waits for what is not needed."""

import gc
import sys

import pytest

from chatd.client.cli.starting import begin_to_collect, leave_tls_out, spare_the_collector
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import free_port

SHOWN = {"PYTHONPROFILEIMPORTTIME": "1"}
"""Has Python name each module on standard error when it is imported."""

TLS = {"cryptography", "service_identity"}


def imported(err):
    """Return the packages that were imported, from the lines about them."""
    names = [line.rpartition("|")[2].strip() for line in err.splitlines() if line.startswith("import time:")]
    return {name.partition(".")[0] for name in names}


def test_help_imports_no_twisted(run):
    status, _, err = run("--help", env=SHOWN)
    assert status == 0, err[-300:]
    assert "click" in imported(err)
    assert "twisted" not in imported(err)


@pytest.mark.parametrize("command", [("send", "#a", "hello"), ("rooms",)])
def test_plain_text_imports_no_tls(run, command):
    status, _, err = run(*command, env=SHOWN)
    assert status == 0, err[-300:]
    assert "twisted" in imported(err)
    assert not imported(err) & TLS


def test_tls_is_spoken_where_it_is_asked_for(run, make_daemon, tmp_path):
    certificate, key = make_certificate(tmp_path, "localhost")
    secure, port = make_daemon(), free_port()
    secure.listen = (*secure.listen, f"ssl:{port}:interface=127.0.0.1:certKey={certificate}:privateKey={key}")
    secure.start()
    where = ("--server", f"tls://localhost:{port}", "--ca", str(certificate))
    status, _, err = run(*where, "send", "#a", "hello", env=SHOWN)
    assert status == 0, err[-300:]
    assert imported(err) >= TLS


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
