#!/usr/bin/env bash
# SQLite: a copy by VACUUM INTO has the page size and the vacuum mode that were asked for and refused.
#
# Version    apsw 3.54.1.0, which brings SQLite 3.54.1
# Behaviour  PRAGMA auto_vacuum and PRAGMA page_size change nothing in a database that has tables: both read back as
#            before. But the connection keeps what was asked for. Every VACUUM INTO by it, a command that only reads
#            the source, gives its copy those properties, as often as it is run. So two backups of the same file
#            differ by what their connections asked for in vain. In WAL mode the two commands disagree: VACUUM
#            refuses the new page size and takes over the vacuum mode, VACUUM INTO takes both.
# Seen       source, before and after PRAGMA page_size = 8192 and PRAGMA auto_vacuum = 2: 4096 0, 4096 0
# Seen       copies by that connection: 8192 2 and 8192 2
# Seen       source after the copies: 4096 0
# Seen       copy by another connection: 4096 0
# Seen       source after VACUUM by that connection: 4096 2
# Source     SQLite's documentation of VACUUM: in WAL mode only the vacuum mode can be changed by it; with INTO the
#            original is unchanged, and the new database has the same logical content, fully vacuumed. Its code
#            (vacuum.c, sqlite3RunVacuum) gives the new file db->nextPagesize and db->nextAutovac, and drops the
#            first only where the database that would be overwritten is in WAL mode.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'apsw==3.54.1.0'

cd "$work"
seen=$(timeout 60 venv/bin/python - <<'PY'
import apsw


def properties(database):
    return f"{database.pragma('page_size')} {database.pragma('auto_vacuum')}"


def copy(database, name):
    database.execute("VACUUM INTO ?", (name,))
    copied = apsw.Connection(name)
    found = properties(copied)
    copied.close()
    return found


source = apsw.Connection("source")
source.pragma("journal_mode", "wal")
source.execute("CREATE TABLE rooms(name); INSERT INTO rooms VALUES('lobby')")
before = properties(source)
source.pragma("page_size", 8192)
source.pragma("auto_vacuum", 2)
after = properties(source)
print(f"source, before and after: {before}, {after}")
print("copies by that connection:", copy(source, "one"), "and", copy(source, "two"))
print("source after the copies:", properties(source))
print("copy by another connection:", copy(apsw.Connection("source"), "three"))
source.execute("VACUUM")
print("source after VACUUM by that connection:", properties(source))
PY
)
echo "$seen"
expected="source, before and after: 4096 0, 4096 0
copies by that connection: 8192 2 and 8192 2
source after the copies: 4096 0
copy by another connection: 4096 0
source after VACUUM by that connection: 4096 2"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
