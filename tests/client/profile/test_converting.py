"""Profiles of an earlier chatc learn to give room back: once, quickly, and with several processes at once."""

import subprocess
import sys
import time
from contextlib import closing

import apsw
import pytest

from chatd.client.profile.database import Database
from tests.end_to_end.harness.processes import PATIENCE, environment
from tests.end_to_end.harness.program import Program

WORD = "x" * 1000


@pytest.fixture
def old(tmp_path):
    """Return the path of a profile as an earlier chatc left it, from which much was sent."""
    path = tmp_path / "p.sqlite"
    Database(path).close()
    with closing(apsw.Connection(str(path))) as database:
        database.execute("PRAGMA auto_vacuum = none; VACUUM")
        database.execute("INSERT INTO identity VALUES (1, 's', 'ann', 'ann')")
        rows = ((1, key, "#a", WORD, 0, "", "", 0) for key in range(3000))
        database.executemany("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("DELETE FROM outbox WHERE key > 9")
        database.execute("PRAGMA wal_checkpoint(truncate)")
    assert path.stat().st_size > 3_000_000
    return path


def of(path):
    """Return how the file gives room back, its bytes, and what it holds."""
    with closing(apsw.Connection(str(path))) as database:
        database.execute("PRAGMA wal_checkpoint(truncate)")
        kind = database.pragma("auto_vacuum")
        kept = list(database.execute("SELECT key, text FROM outbox ORDER BY key"))
        assert database.pragma("quick_check") == "ok"
    return kind, path.stat().st_size, kept


KEPT = [(key, WORD) for key in range(10)]


def test_an_old_profile_is_written_anew_once(old):
    Database(old).close()
    kind, size, kept = of(old)
    assert (kind, size < 200_000, kept) == (1, True, KEPT)
    Database(old).close()
    assert of(old) == (kind, size, kept)


def test_nobody_waits_while_another_process_writes(old):
    other = apsw.Connection(str(old))
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    Database(old).close()
    assert time.monotonic() - began < 5
    other.execute("COMMIT")
    other.close()
    assert of(old)[0] == 0
    Database(old).close()
    assert (of(old)[0], of(old)[2]) == (1, KEPT)


def test_several_processes_at_once_lose_nothing(old):
    code = (
        "import sys; from pathlib import Path; from chatd.client.profile.database import Database;"
        " database = Database(Path(sys.argv[1]))\n"
        "with database.transaction(): database.insert('INSERT INTO identity (server, nick, key)"
        " VALUES (?, ?, ?)', 's', 'n', sys.argv[2])"
    )
    processes = [
        Program(
            [sys.executable, "-c", code, str(old), str(number)], env=environment(), stderr=subprocess.PIPE
        )
        for number in range(6)
    ]
    for process in processes:
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (0, b"")
    with closing(apsw.Connection(str(old))) as database:
        keys = {key for (key,) in database.execute("SELECT key FROM identity")}
    assert keys == {"ann", *map(str, range(6))}
    Database(old).close()
    assert (of(old)[0], of(old)[2]) == (1, KEPT)
