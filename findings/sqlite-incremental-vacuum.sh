#!/usr/bin/env bash
# SQLite: PRAGMA incremental_vacuum(100) gives back one page, and locks everybody out while its cursor lives.
#
# Version    apsw 3.54.1.0 (SQLite 3.54.1), and the sqlite3 module of Python 3.11 (seen with SQLite 3.40.1)
# Behaviour  The pragma is a statement that returns a row, without any column, after each page that it frees. Where
#            nobody fetches, one page is freed. The sqlite3 module makes it worse: rows without columns count as no
#            rows, so that fetchall() returns at once and frees none further; there only executescript() helps.
#            The statement that stopped half way keeps its write transaction: other connections get "database is
#            locked" until the cursor is gone, while `in_transaction` says False.
# Seen       apsw, execute(): 1 of 100 pages
# Seen       apsw, execute() and all rows: 100 of 100 pages
# Seen       apsw, pragma(): 100 of 100 pages
# Seen       sqlite3, execute(): 1 of 100 pages, in_transaction False, another connection: database is locked
# Seen       sqlite3, execute() and fetchall(): 1 of 100 pages
# Seen       sqlite3, executescript(): 100 of 100 pages
# Source     SQLite's documentation of the pragma says that it "causes up to N pages to be removed from the
#            freelist", and nothing of rows. Its code (pragma.c, PragTyp_INCREMENTAL_VACUUM) codes a loop of
#            OP_IncrVacuum and OP_ResultRow.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'apsw==3.54.1.0'

cd "$work"
seen=$(timeout 60 venv/bin/python - <<'PY'
import sqlite3
import sys

import apsw

print(f"SQLite {apsw.sqlite_lib_version()} in apsw, {sqlite3.sqlite_version} in sqlite3", file=sys.stderr)

made = apsw.Connection("db")
made.execute("PRAGMA auto_vacuum = 2; CREATE TABLE bodies(body)")
with made:
    made.executemany("INSERT INTO bodies VALUES(zeroblob(?))", [(4000,)] * 1000)
made.execute("DELETE FROM bodies")
made.close()


def free():
    probe = apsw.Connection("db")
    pages = probe.pragma("freelist_count")
    probe.close()
    return pages


def freed(act):
    before = free()
    kept = act()
    return f"{before - free()} of 100 pages" + (f", {kept}" if isinstance(kept, str) else "")


PRAGMA = "PRAGMA incremental_vacuum(100)"
ours = apsw.Connection("db")
print("apsw, execute():", freed(lambda: ours.execute(PRAGMA) and None))
print("apsw, execute() and all rows:", freed(lambda: ours.execute(PRAGMA).fetchall()))
print("apsw, pragma():", freed(lambda: ours.pragma("incremental_vacuum", 100)))
ours.close()

theirs = sqlite3.connect("db", isolation_level=None)


def leave_open():
    cursor = theirs.execute(PRAGMA)
    other = sqlite3.connect("db", isolation_level=None, timeout=0)
    try:
        other.execute("CREATE TABLE late(x)")
        said = "can write"
    except sqlite3.OperationalError as error:
        said = str(error)
    other.close()
    kept = f"in_transaction {theirs.in_transaction}, another connection: {said}"
    cursor.close()
    return kept


def fetch():
    cursor = theirs.execute(PRAGMA)
    cursor.fetchall()
    cursor.close()


print("sqlite3, execute():", freed(leave_open))
print("sqlite3, execute() and fetchall():", freed(fetch))
print("sqlite3, executescript():", freed(lambda: theirs.executescript(PRAGMA)))
PY
)
echo "$seen"
expected="apsw, execute(): 1 of 100 pages
apsw, execute() and all rows: 100 of 100 pages
apsw, pragma(): 100 of 100 pages
sqlite3, execute(): 1 of 100 pages, in_transaction False, another connection: database is locked
sqlite3, execute() and fetchall(): 1 of 100 pages
sqlite3, executescript(): 100 of 100 pages"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
