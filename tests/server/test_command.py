"""The external command: one line in, one verdict out, bounded in time and number; PAM's as an example."""

import os
import shutil
import subprocess
import sys
import time
from ctypes.util import find_library
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from chatd.server.auth.command import MOST_ANSWER, CommandChecker, CommandError
from chatd.server.auth.credentials import Password
from chatd.wire.errors import Code, RequestError

PAM = Path(__file__).parents[2] / "etc" / "chatd-check-pam"
ANN = Password("ann", "correct horse", "192.0.2.7")


HOLDS = 5.0
"""Seconds that a program lives on."""


def is_alive(pid):
    """Return whether the process ``pid`` runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def number_in(path):
    """Return the number that the file ``path`` holds."""
    return int(path.read_text())


def checker(script, timeout=20.0, processes=4):
    return CommandChecker(reactor, [sys.executable, "-c", script], timeout, processes)


class Commands(TestCase):
    """Each runs a real program."""

    timeout = 30

    async def test_it_is_told_everything_on_its_input_and_nothing_elsewhere(self):
        script = """
import json, os, sys
told = json.loads(sys.stdin.readline())
rest = sys.stdin.read()
ok = told == {"nick": "ann", "password": "correct horse", "address": "192.0.2.7"} and not rest
print(json.dumps({"ok": ok and set(os.environ) <= {"PATH", "LC_CTYPE"}}))
"""
        self.assertEqual(await checker(script).requestAvatarId(ANN), "ann")

    async def test_it_may_call_the_account_otherwise(self):
        self.assertEqual(
            await checker('print(\'{"ok": true, "nick": "Anna"}\')').requestAvatarId(ANN), "Anna"
        )

    async def test_a_no(self):
        with self.assertRaises(UnauthorizedLogin):
            await checker("print('{\"ok\": false}')").requestAvatarId(ANN)

    async def test_what_is_no_verdict_is_a_fault_that_repeats_nothing(self):
        for script in (
            "print('yes')",
            "print('{\"ok\": 1}')",
            "",
            "print('{\"ok\": true}'); raise SystemExit(3)",
            f"print('x' * {2 * MOST_ANSWER})",
            "import sys; sys.exit(sys.stdin.read())",
            "import sys; print(sys.stdin.read())",
        ):
            with self.assertRaises(CommandError) as caught:
                await checker(script).requestAvatarId(ANN)
            self.assertNotIn("horse", str(caught.exception))

    async def test_a_program_that_is_not_there(self):
        with self.assertRaises(CommandError):
            await CommandChecker(reactor, ["/nowhere/at/all"], 20.0, 1).requestAvatarId(ANN)

    async def test_one_that_takes_too_long_is_killed(self):
        asked = checker("import time; time.sleep(60)", timeout=0.2)
        with self.assertRaises(CommandError) as caught:
            await asked.requestAvatarId(ANN)
        self.assertEqual(str(caught.exception), "the command took too long")
        await self.nothing_runs(asked)

    async def nothing_runs(self, asked):
        while asked.running:
            await deferLater(reactor, 0.01)

    async def test_one_that_has_ended_but_whose_child_holds_its_output_is_not_waited_for(self):
        script = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep({HOLDS})"], start_new_session=True)
"""
        asked = checker(script, timeout=1.0)
        began = time.monotonic()
        with self.assertRaises(CommandError):
            await asked.requestAvatarId(ANN)
        self.assertLess(time.monotonic() - began, HOLDS - 1)
        await self.nothing_runs(asked)

    @pytest.mark.skipif(shutil.which("setsid") is None, reason="there is no setsid(1) here")
    async def test_what_it_has_started_is_killed_too(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        child = Path(folder.name) / "child"
        script = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(child)!r}, "w").write(str(child.pid))
child.wait()
"""
        asked = checker(script, timeout=2.0)
        with self.assertRaises(CommandError):
            await asked.requestAvatarId(ANN)
        while is_alive(number_in(child)):
            await deferLater(reactor, 0.01)
        await self.nothing_runs(asked)

    async def test_one_that_cannot_be_killed_is_not_waited_for_but_counts_until_it_ends(self):
        """As one of root's, behind sudo."""

        def refuse(*_):
            raise PermissionError(1, "Operation not permitted")

        self.patch(os, "kill", refuse)
        self.patch(os, "killpg", refuse)
        asked = checker(f"import time; time.sleep({HOLDS})", timeout=0.2, processes=1)
        began = time.monotonic()
        with self.assertRaises(CommandError) as caught:
            await asked.requestAvatarId(ANN)
        self.assertEqual(str(caught.exception), "the command took too long")
        self.assertLess(time.monotonic() - began, HOLDS - 1)
        with self.assertRaises(RequestError):
            asked.requestAvatarId(ANN)
        await self.nothing_runs(asked)

    async def test_so_many_run_at_once(self):
        asked = checker("import sys; sys.stdin.readline(); print('{\"ok\": true}')", processes=2)
        both = [asked.requestAvatarId(ANN) for _ in range(2)]
        waits = []
        for _ in range(9):
            with self.assertRaises(RequestError) as caught:
                asked.requestAvatarId(ANN)
            self.assertEqual(caught.exception.code, Code.TOO_FAST)
            waits.append(caught.exception.retry_after)
        self.assertGreaterEqual(min(waits), 1)
        self.assertEqual(len(set(waits)), 9, "each is named a moment of its own")
        self.assertEqual(await gatherResults(both), ["ann", "ann"])
        self.assertEqual(await asked.requestAvatarId(ANN), "ann")


@pytest.mark.skipif(find_library("pam") is None, reason="this system has no PAM")
@pytest.mark.parametrize(
    ("password", "ok"),
    [("correct horse", True), ("wrong horse", False), ("", False), ("correct horse\0x", False)],
)
def test_the_example_asks_pam(tmp_path, password, ok):
    """A service of PAM that knows one password, which its own program compares."""
    compare = tmp_path / "compare"
    compare.write_text("#!/bin/sh\n[ \"$PAM_USER\" = ann ] && [ \"$(tr -d '\\000')\" = 'correct horse' ]\n")
    compare.chmod(0o755)
    (tmp_path / "chatd").write_text(
        f"auth required pam_exec.so expose_authtok quiet {compare}\naccount required pam_permit.so\n"
    )
    question = b'{"nick": "ann", "password": "%s", "address": "192.0.2.7"}\n'
    done = subprocess.run(
        [PAM, "chatd", tmp_path],
        input=question % password.replace("\0", "\\u0000").encode(),
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout) == (0, b'{"ok": %s}\n' % (b"true" if ok else b"false")), done.stderr
