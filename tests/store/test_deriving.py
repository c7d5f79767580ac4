"""What is kept beside the logs is compared with them: damage is told of, and mended, slice by slice."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.chat.changes.rows import PutPin
from chatd.chat.folding import sentences
from chatd.chat.storage import Changes, StoreError
from chatd.offline.keeping import NAMED, mistakes
from chatd.offline.rebuilding import rebuild_in
from chatd.store import deriving
from chatd.store.deriving import Deriving, mend
from chatd.store.folder import FILE_NAME
from chatd.store.schema import key
from chatd.wire.messages import Event
from chatd.wire.stored import pack
from tests.chat.test_present import STEPS, Life
from tests.store.driven import Driven

TABLES = ["edits", "replies", "reply_counts", "reactions", "reaction_counts", "pins", "mentions"]


def untold(*_):
    """Hear how far it is."""


def lived(steps, folder):
    """Let a room live, and keep all of it in a database in ``folder``, as the daemon does."""
    life = Life()
    for step in steps:
        life.step(*step)
    life.settle()
    memory = life.playground.store
    tables = [memory.rooms, memory.users, memory.sessions, memory.nicks, memory.edits, memory.replies]
    tables += [memory.reactions, memory.pins, memory.tallies, memory.members, memory.mentions, memory.threads]
    rows = [row for table in tables for row in table.values()]
    logs = [(log, sorted(kept.items())) for log, kept in memory.events.items() if kept]
    events = [(log, kept[0][0], [stored for _, stored in kept]) for log, kept in logs]
    store = Driven(folder)
    assert store.append(Changes(events=events, others=rows)) is None
    store.close()
    return folder / FILE_NAME


def connect(path):
    return apsw.Connection(str(path))


def contents(database):
    return {table: sorted(database.execute(f"SELECT * FROM {table}")) for table in TABLES}


def damage(database, table, which, how):
    """Damage a row of ``table`` in one way or another; return whether there was something to damage."""
    rows = list(database.execute(f"SELECT * FROM {table}"))
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    where = " = ? AND ".join(columns) + " = ?"
    if how == "add":
        made = ["x" if column == "emoji" else 97 for column in columns]
        database.execute(f"INSERT INTO {table} VALUES({', '.join('?' * len(made))})", made)
    elif not rows:
        return False
    elif how == "drop":
        database.execute(f"DELETE FROM {table} WHERE {where}", rows[which % len(rows)])
    else:
        number = which % len(columns)
        value = "'x'" if columns[number] == "emoji" else "4711"
        row = rows[which % len(rows)]
        database.execute(f"UPDATE {table} SET {columns[number]} = {value} WHERE {where}", row)
    return True


SAID = [("say", 0, 1, 0), ("say", 1, 1, 0), ("reply", 1, 3, 0), ("edit", 0, 3, 0), ("react", 1, 3, 0)]
SAID += [("react", 0, 3, 0), ("pin", 0, 3, 0), ("reply", 0, 3, 0), ("edit", 0, 3, 0), ("react", 0, 4, 1)]
CALLED = [("call", 0, 1, 0), ("call", 1, 1, 0)]
DAMAGE = st.lists(
    st.tuples(st.sampled_from(TABLES), st.integers(0, 9), st.sampled_from(["add", "drop", "change"])),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow  # it works for a second
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, DAMAGE)
@example([("trim", 0, 6, 0)], [("mentions", 0, "drop")])  # one of the nicks is nobody's any more
@example([("trim", 0, 14, 0)], [("mentions", 0, "drop")])  # nor is any other
@example([("trim", 0, 14, 0)], [("mentions", 0, "drop"), ("mentions", 0, "add"), ("pins", 0, "drop")])
def test_damage_is_told_of_and_mended(steps, damages):
    """Where somebody's events are cut, the log does not tell any more whose the nick was in a mention."""
    told = not any(what == "trim" for what, *_ in steps) or all(table != "mentions" for table, *_ in damages)
    folder = Path(tempfile.mkdtemp(prefix="chatd-test-"))
    try:
        path = lived([*SAID, *CALLED, *steps], folder / "data")
        database = connect(path)
        before = contents(database)
        assert not list(mistakes(path.parent, untold)), "what the daemon has kept is right"
        for one in damages:
            with suppress(apsw.ConstraintError):
                damage(database, *one)
        damaged = contents(database) != before
        database.close()
        found = list(mistakes(path.parent, untold))
        assert bool(found) is damaged or (damaged and not told)
        assert all(line.endswith(".") and "\n" not in line for line in found)
        assert bool(rebuild_in(path.parent, untold)) is bool(found)
        database = connect(path)
        mended = contents(database)
        if not told:
            assert set(mended.pop("mentions")) <= set(before.pop("mentions"))
        assert mended == before
        assert list(database.execute("PRAGMA integrity_check")) == [("ok",)]
        database.close()
        assert not list(mistakes(path.parent, untold))
        assert rebuild_in(path.parent, untold) == 0
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def path(tmp_path):
    return lived(SAID, tmp_path / "data")


def test_all_of_it_is_made_anew_in_slices_and_goes_on_where_it_was_ended(path, monkeypatch):
    monkeypatch.setattr(deriving, "SLICE", 1)
    database = connect(path)
    before = contents(database)
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    for table in TABLES:
        database.execute(f"DELETE FROM {table}")
    rounds = 0
    while contents(database) != before:
        found = [one for log in Deriving(database).logs() for one in Deriving(database).differences(log.id)]
        slices = mend(database, found)
        next(slices)  # and then it is killed
        slices.close()
        database.close()
        database = connect(path)
        rounds += 1
    assert rounds > 1
    database.close()


def test_each_mistake_is_one_sentence(path):
    database = connect(path)
    damage(database, "pins", 0, "drop")
    damage(database, "edits", 0, "add")
    database.close()
    assert list(mistakes(path.parent, untold)) == [
        "In #a, it is not kept that event 9 pins event 3.",
        "In log 97, it is kept that event 97 edits event 97; the log says otherwise.",
        "Stop the daemon and give chatctl rebuild: it makes these rows anew from the logs.",
    ]


def test_very_many_mistakes_are_not_all_named(path):
    database = connect(path)
    for seq in range(1000, 1000 + 5 * NAMED):
        database.execute("INSERT INTO edits VALUES(1, 1, ?)", (seq,))
    database.close()
    found = list(mistakes(path.parent, untold))
    assert len(found) == NAMED + 2
    assert found[-2] == f"In #a, {4 * NAMED} rows more are wrong."


def test_a_guest_who_is_gone_is_no_mistake(path):
    database = connect(path)
    for table in ("sessions", "users", "nicks"):
        database.execute(f"DELETE FROM {table}")
    before = contents(database)
    assert not [one for log in Deriving(database).logs() for one in Deriving(database).differences(log.id)]
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    database.execute("DELETE FROM reactions")
    database.close()
    rebuild_in(path.parent, untold)
    database = connect(path)
    after = contents(database)
    assert [row[2:] for row in sorted(after["reactions"], key=lambda row: row[-1])] == [
        row[2:] for row in sorted(before["reactions"], key=lambda row: row[-1])
    ]
    assert all(row[1] < 0 for row in after["reactions"]), "nobody's, and each another one's"
    database.close()


def test_a_daemon_keeps_it_away(path):
    store = Driven(path.parent)
    with pytest.raises(StoreError, match=r"A daemon uses .*; stop it"):
        rebuild_in(path.parent, untold)
    store.close()


def test_the_index_of_words_is_made_anew_if_wanted(path):
    store = Driven(path.parent)
    store.settle()
    store.close()
    database = connect(path)
    database.execute("INSERT INTO words(words) VALUES('delete-all')")
    database.close()
    rebuild_in(path.parent, untold, words=True)
    store = Driven(path.parent)
    store.settle()
    assert store.search("from:ann").hits
    store.close()


def test_a_row_says_what_it_is():
    (said,) = sentences("#a", [(PutPin(1, 2, 3), True)])
    assert said == "In #a, it is not kept that event 3 pins event 2."


def test_what_counts_and_who_is_mentioned_is_compared_too(path):
    database = connect(path)
    said = [3, 4, 5, 10]
    bits = sum(1 << seq for seq in said)
    right = (1, 0, 12, bits.to_bytes(2, "little"))
    wrong = [
        (1, 0, 12, (bits ^ 8).to_bytes(2, "little")),
        (1, 0, 13, right[-1]),
        (1, 1, 12, (bits >> 1).to_bytes(2, "little")),
    ]
    mention = Event(room="#a", seq=13, ts=99, kind="message", by="ann", text="@ben", mentions=("ben",))

    def given(tally, *mentions):
        database.execute("DELETE FROM tallies")
        database.execute("DELETE FROM mentions")
        database.execute("INSERT INTO tallies VALUES(?, ?, ?, ?)", tally)
        database.executemany("INSERT INTO mentions VALUES(1, ?, ?)", mentions)
        return list(mistakes(path.parent, untold))

    assert not given(right)
    for tally in wrong:
        assert len(given(tally)) == 2, tally
    (found, _) = given(right, (2, 5))
    assert found == "In #a, it is kept that event 5 mentions user 2; the log says otherwise."
    database.execute("INSERT INTO events VALUES(?, ?)", (key(1, 13), pack([mention])[0]))
    assert not given(right, (2, 13))
    given(wrong[0], (2, 5), (2, 13))
    assert rebuild_in(path.parent, untold) == 2
    assert list(database.execute("SELECT * FROM mentions")) == [(1, 2, 13)]
    assert not list(database.execute("SELECT * FROM tallies")), "the daemon counts anew what is not there"
    assert not list(mistakes(path.parent, untold))
    database.close()


def following(database):
    return list(database.execute("SELECT room, user, seq, off FROM threads ORDER BY user, seq"))


def test_threads_that_are_followed_are_mended(path):
    """Ben has replied at 5 to what ann said at 3, and so has she at 10."""
    database = connect(path)
    before = following(database)
    assert before == [(1, 1, 3, 0), (1, 2, 3, 0)]
    database.execute("UPDATE threads SET off = 1 WHERE user = 2")
    database.execute("INSERT INTO threads VALUES(1, 2, 4, 4, 4, 0)")
    assert not list(mistakes(path.parent, untold)), "a person may choose so"
    database.execute("DELETE FROM threads WHERE user = 1")
    wrong = [(1, 4711, 3, 3, 3, 0), (1, 1, 5, 3, 3, 0), (1, 1, 4, 4711, 3, 0), (9, 1, 3, 3, 3, 0)]
    database.executemany("INSERT INTO threads VALUES(?, ?, ?, ?, ?, ?)", wrong)
    found = list(mistakes(path.parent, untold))
    assert found[0] == "In #a, it is not kept that user 1 has read the thread of event 3 up to event 10."
    assert len(found) == 1 + len(wrong) + 1
    assert rebuild_in(path.parent, untold) == 1 + len(wrong)
    assert following(database) == [(1, 1, 3, 0), (1, 2, 3, 1), (1, 2, 4, 0)]
    assert not list(mistakes(path.parent, untold))
    database.execute("UPDATE members SET since = 11 WHERE user = 1")
    database.execute("DELETE FROM threads WHERE user = 1")
    assert not list(mistakes(path.parent, untold)), "who has left and come again follows nothing from before"
    database.close()
