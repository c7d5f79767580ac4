#!/usr/bin/env bash
# apsw: `with connection:`, close() and VFSFile.xSync() stop all threads of the program while the disk works; execute() does not.
#
# Version    apsw 3.54.1.0, Python 3.11 (with the interpreter's lock)
# Behaviour  apsw releases the interpreter's lock in execute(), so that another thread, a reactor for one, goes on
#            while the disk works. The context manager, which is the documented way to make a transaction, commits
#            without releasing it: for as long as writing and syncing take, nothing else runs in Python. A thread of
#            its own for the database does not help there. On a fast disk nobody sees it; on a slow one, or
#            with a large transaction, everything stands still at the end of the block. The same goes for close(), which
#            brings the whole write-ahead log into the database where nobody else has it open, and for VFSFile.xSync().
# Seen       with connection: the others stand still for 100 % of the commit
# Seen       execute('COMMIT'): the others stand still for 1 % of the commit
# Seen       close() in WAL mode: the others stand still for 100 % of it
# Seen       PRAGMA wal_checkpoint(TRUNCATE) before it: the others stand still for 1 % of it
# Seen       VFSFile.xSync(): the others stand still for 100 % of it
# Seen       os.fsync(): the others stand still for 7 % of it
#            (200 MB each, some tenths of a second; the check wants more than 80 % and less than 50 %)
# Source     apsw's documentation (Execution, Multi-threading) says that it "will let other threads execute while
#            SQLite is working". Its code: `connection_trace_and_exec` of connection.c, which __exit__ calls, calls
#            sqlite3_exec() without leaving the interpreter.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'apsw==3.54.1.0'

cd "$work"
timeout 180 venv/bin/python - <<'PY'
import os
import sys
import threading
import time
from pathlib import Path

import apsw


def stand_still(way):
    """Return the longest time for which another thread did not run during the commit, as a part of it."""
    Path("db").unlink(missing_ok=True)
    database = apsw.Connection("db")
    database.pragma("cache_size", -1_000_000)  # nothing is written before the commit
    database.execute("CREATE TABLE bodies(body)")
    done = threading.Event()
    ticks = []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    def fill():
        database.executemany("INSERT INTO bodies VALUES(randomblob(?))", [(1_000_000,)] * 200)
        time.sleep(0.1)

    ticker = threading.Thread(target=tick)
    ticker.start()
    if way == "with":
        database.__enter__()
        fill()
        begin = time.monotonic()
        database.__exit__(None, None, None)
    else:
        database.execute("BEGIN")
        fill()
        begin = time.monotonic()
        database.execute("COMMIT")
    end = time.monotonic()
    time.sleep(0.1)
    done.set()
    ticker.join()
    database.close()
    pairs = zip(ticks, ticks[1:])
    gap = max(min(later, end) - max(earlier, begin) for earlier, later in pairs)
    return gap / (end - begin)


def stand_still_for(work):
    """Return the same for a call of ``work``."""
    done = threading.Event()
    ticks = []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    time.sleep(0.1)
    begin = time.monotonic()
    work()
    end = time.monotonic()
    time.sleep(0.1)
    done.set()
    ticker.join()
    return max(min(later, end) - max(earlier, begin) for earlier, later in zip(ticks, ticks[1:])) / (end - begin)


def logged():
    """Return a connection with much in its write-ahead log."""
    for end in ("", "-wal", "-shm"):
        Path(f"log{end}").unlink(missing_ok=True)
    database = apsw.Connection("log")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    database.execute("CREATE TABLE bodies(body)")
    database.execute("BEGIN")
    database.executemany("INSERT INTO bodies VALUES(randomblob(?))", [(1_000_000,)] * 200)
    database.execute("COMMIT")
    return database


def of_checkpoint():
    database = logged()
    still = stand_still_for(lambda: database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    database.close()
    return still


def of_sync(sync):
    with open("plain", "r+b") as plain:  # its blocks stay, so that all of it has to be written again
        plain.write(os.urandom(1_000_000) * 200)
    return stand_still_for(sync)


Path("plain").touch()
plain = os.open("plain", os.O_RDWR)
file = apsw.VFSFile("unix", os.path.abspath("plain"), [apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_MAIN_DB, 0])
pairs = [
    ("with connection: the others stand still for {:.0%} of the commit", lambda: stand_still("with")),
    ("execute('COMMIT'): the others stand still for {:.0%} of the commit", lambda: stand_still("execute")),
    ("close() in WAL mode: the others stand still for {:.0%} of it", lambda: stand_still_for(logged().close)),
    ("PRAGMA wal_checkpoint(TRUNCATE) before it: the others stand still for {:.0%} of it", of_checkpoint),
    ("VFSFile.xSync(): the others stand still for {:.0%} of it", lambda: of_sync(lambda: file.xSync(2))),
    ("os.fsync(): the others stand still for {:.0%} of it", lambda: of_sync(lambda: os.fsync(plain))),
]
parts = []
for sentence, measure in pairs:
    parts.append(min(measure() for _ in range(3)))
    print(sentence.format(parts[-1]))
if min(parts[0::2]) < 0.8 or max(parts[1::2]) > 0.5:
    sys.exit("The behaviour has changed.")
PY
