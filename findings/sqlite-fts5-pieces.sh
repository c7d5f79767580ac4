#!/usr/bin/env bash
# SQLite's FTS5: an INSERT of two rows into another table makes it write what it has gathered, as a piece of its own.
#
# Version    apsw 3.54.1.0, which brings SQLite 3.54.1
# Behaviour  FTS5 gathers what a transaction adds in memory, and writes one sorted piece (segment) at its end. But it writes
#            a piece at every savepoint as well, and SQLite opens one by itself for each statement that could fail
#            half-way: an INSERT of several rows into any table with a unique column, an UPDATE that might not end well,
#            a row that fires a trigger. So a transaction that adds a hundred texts, and notes something elsewhere
#            behind each, writes a hundred pieces, which merging then has to read and write again.
# Seen       a hundred texts, and behind each nothing: 1 piece
# Seen       a hundred texts, and behind each one row elsewhere: 1 piece
# Seen       a hundred texts, and behind each two rows elsewhere: 100 pieces
# Seen       a hundred texts, and behind each SAVEPOINT and RELEASE: 100 pieces
# Seen       a hundred texts in one statement, then two rows elsewhere: 1 piece
# Source     SQLite's manual of FTS5 ("The automerge Configuration Option") tells of b-trees that writing adds and merging
#            brings together, and says nothing of savepoints. Its code: fts5SavepointMethod of fts5_main.c.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'apsw==3.54.1.0'

cd "$work"
seen=$(timeout 60 venv/bin/python - <<'PY'
import apsw

TEXTS = [(number, f"tea number{number}") for number in range(1, 101)]
ONE = "INSERT INTO noted VALUES(random())"
TWO = "INSERT INTO noted VALUES(random()), (random())"


def pieces(work):
    """Return how many pieces the index has behind a transaction that does ``work``."""
    database = apsw.Connection(":memory:")
    database.execute("CREATE VIRTUAL TABLE texts USING fts5(text); CREATE TABLE noted(name UNIQUE)")
    database.execute("INSERT INTO texts(texts, rank) VALUES('automerge', 0), ('crisismerge', 1000)")
    database.execute("BEGIN")
    work(database)
    database.execute("COMMIT")
    # The number of a piece is in the upper bits of the ids of its pages; those up to 10 are no pages.
    found = next(database.execute("SELECT count(DISTINCT id >> 37) FROM texts_data WHERE id > 10"))[0]
    return f"{found} piece{'s' if found > 1 else ''}"


def one_by_one(statement):
    def work(database):
        for text in TEXTS:
            database.execute("INSERT INTO texts(rowid, text) VALUES(?, ?)", text)
            database.execute(statement)

    return work


def together(database):
    values = ", ".join(["(?, ?)"] * len(TEXTS))
    database.execute(f"INSERT INTO texts(rowid, text) VALUES {values}", [value for text in TEXTS for value in text])
    database.execute(TWO)


print("a hundred texts, and behind each nothing:", pieces(one_by_one("")))
print("a hundred texts, and behind each one row elsewhere:", pieces(one_by_one(ONE)))
print("a hundred texts, and behind each two rows elsewhere:", pieces(one_by_one(TWO)))
print("a hundred texts, and behind each SAVEPOINT and RELEASE:", pieces(one_by_one("SAVEPOINT one; RELEASE one")))
print("a hundred texts in one statement, then two rows elsewhere:", pieces(together))
PY
)
echo "$seen"
expected="a hundred texts, and behind each nothing: 1 piece
a hundred texts, and behind each one row elsewhere: 1 piece
a hundred texts, and behind each two rows elsewhere: 100 pieces
a hundred texts, and behind each SAVEPOINT and RELEASE: 100 pieces
a hundred texts in one statement, then two rows elsewhere: 1 piece"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
