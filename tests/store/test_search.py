"""What is found by the index is what a look at every event finds, whatever was erased, cut or lost."""

import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from chatd.chat.changes.rows import (
    DropEdit,
    DropEdits,
    DropEditsBelow,
    DropRoom,
    Erase,
    PutEdit,
    PutRoom,
    Reword,
    Trim,
)
from chatd.chat.storage import Changes, HitPage, Position, Scope
from chatd.search.query import Query, QueryError, parse
from chatd.search.said import Said, said_in
from chatd.store import searching
from chatd.store.index import index, leaving
from chatd.store.index.leaving import AT_ONCE
from chatd.store.index.pace import FULL
from chatd.testing import MemoryStore
from chatd.wire.messages import Event, File
from chatd.wire.stored import event_in, pack, text_of
from tests.examples import examples
from tests.search.test_words import SAMPLES, texts
from tests.store.driven import PATIENCE, Driven

LOGS = (1, 2, 3)


def event(log, seq, text, by="ann", ts=None, kind="message", file=None):
    return Event(
        room=f"#{log}", seq=seq, ts=seq if ts is None else ts, kind=kind, by=by, text=text, file=file
    )


def rooms(*logs):
    return Changes(others=[PutRoom(log, f"#{log}", "", 1) for log in logs])


def said(log, first, *lines, **more):
    events = [event(log, first + number, text, **more) for number, text in enumerate(lines)]
    return Changes(events=[(log, first, pack(events))])


def places(found):
    return [(hit.place.log, hit.place.seq) for hit in found.hits]


def all_pages(store, text, scopes=None, limit=3):
    found, before = [], None
    while True:
        page = store.search(text, scopes, before, limit)
        assert len(page.hits) <= limit
        found += page.hits
        if page.rest is None:
            return found
        assert before is None or page.rest < before
        before = page.rest


@pytest.mark.parametrize("script", SAMPLES)
def test_every_script_is_found_behind_the_commits(open_store, script):
    store = open_store()
    store.append(rooms(1))
    store.append(said(1, 1, *SAMPLES.values()))
    seq = list(SAMPLES).index(script) + 1
    for settled in (False, True):
        if settled:
            store.settle()
        for word in SAMPLES[script].split():
            try:
                parse(word)
            except QueryError:
                continue
            assert (1, seq) in places(store.search(word)), (word, settled)


def test_hits_come_by_time_across_rooms_page_by_page(open_store):
    store = open_store()
    store.append(rooms(*LOGS))
    wanted = []
    for seq in range(1, 41):
        for log in LOGS:
            ts = 1000 * seq + 7 * log
            store.append(said(log, seq, f"word {seq}", ts=ts))
            wanted.append(Position(ts, log, seq))
    for _ in range(2):
        hits = all_pages(store, "word", limit=7)
        assert [hit.place for hit in hits] == sorted(wanted, reverse=True)
        assert all(event_in(hit.stored).text == f"word {hit.place.seq}" for hit in hits)
        store.settle()


def test_only_what_is_in_scope_is_found(open_store):
    store = open_store()
    store.append(rooms(*LOGS))
    for log in LOGS:
        store.append(said(log, 1, *["word"] * 10))
    for _ in range(2):
        assert places(store.search("word", [Scope(2, 3, 5)])) == [(2, 5), (2, 4), (2, 3)]
        assert places(store.search("word", [])) == []
        assert places(store.search("word", [Scope(9, 1, 5)])) == []
        store.settle()


def test_filters(open_store):
    store = open_store()
    store.append(rooms(1))
    file = File(name="Plan für März.pdf", size=1, sha256="0" * 64)
    day = 86_400_000
    events = [
        event(1, 1, "see https://example.com/", "Ann", 1 * day),
        event(1, 2, "see there", "ben", 2 * day),
        event(1, 3, "", "ann", 3 * day, kind="file", file=file),
        event(1, 4, "see", "ann", 4 * day, kind="topic"),
        event(1, 5, "see", "ann", 5 * day),
    ]
    store.append(Changes(events=[(1, 1, pack(events))]))
    for _ in range(2):
        for query, seqs in (
            ("see", [5, 2, 1]),
            ("see from:ann", [5, 1]),
            ("from:ANN from:ben", [5, 3, 2, 1]),
            ("has:file", [3]),
            ("has:link", [1]),
            ("marz from:ann has:file", [3]),
            ("see before:1970-01-06", [2, 1]),
            ("see after:1970-01-03", [5, 2]),
            ("see after:1970-01-03 before:1970-01-04", [2]),
            ("see after:1980", []),
        ):
            assert places(store.search(query)) == [(1, seq) for seq in seqs], query
            assert [hit.place.seq for hit in all_pages(store, query, limit=1)] == seqs, query
        store.settle()


def test_the_work_of_one_answer_is_bounded(open_store):
    store = open_store()
    store.append(rooms(1))
    lines = ["北京 京大 大学"] * 1500
    lines[3] = "北京大学"
    store.append(said(1, 1, *lines))
    store.settle()
    first = store.search("北京大学")
    assert first.hits == []
    assert first.rest is not None
    assert [hit.place.seq for hit in all_pages(store, "北京大学")] == [4]


def bytes_of(folder):
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def known(folder):
    """Return the terms that the index knows."""
    with closing(apsw.Connection(str(folder / "chatd.sqlite"))) as database:
        database.execute("CREATE VIRTUAL TABLE temp.known USING fts5vocab(main, words, 'row')")
        assert list(database.execute("PRAGMA integrity_check")) == [("ok",)]
        return {term for (term,) in database.execute("SELECT term FROM known")}


def left(folder, words):
    """Return which of ``words`` are anywhere in the files, or known to the index."""
    data, terms = bytes_of(folder), known(folder)
    return [word for word in words if word.encode() in data or word in terms]


class Searched(RuleBasedStateMachine):
    """A store whose index comes behind, against a slow look at all events."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="chatd-test-"))
        self.store, self.slow = Driven(self.folder), MemoryStore()
        self.heads, self.firsts, self.time = dict.fromkeys(LOGS, 0), dict.fromkeys(LOGS, 1), 0

    @rule(most=st.sampled_from([0, AT_ONCE]))
    def leave_later(self, most):
        """Let whatever is taken away leave the index behind the commit, or only what is much."""
        leaving.AT_ONCE = most

    def teardown(self):
        leaving.AT_ONCE = AT_ONCE
        self.store.close()
        shutil.rmtree(self.folder)

    def both(self, changes):
        error = self.store.append(changes)
        assert error is None, error
        self.slow.append(changes, [].append)

    @initialize()
    def begin(self):
        self.both(rooms(*LOGS))

    @rule(
        log=st.sampled_from(LOGS),
        lines=st.lists(texts, min_size=1, max_size=6),
        by=st.sampled_from("ab"),
    )
    def say(self, log, lines, by):
        self.time += 1
        self.both(said(log, self.heads[log] + 1, *lines, by=by, ts=self.time))
        self.heads[log] += len(lines)

    @rule(log=st.sampled_from(LOGS), back=st.integers(0, 12))
    def erase(self, log, back):
        seq = self.heads[log] - back
        if seq >= self.firsts[log]:
            self.both(Changes(others=self.erasing(log, seq)))

    def erasing(self, log, seq):
        """Return the changes that erase an event with its edits, or an edit alone."""
        erased = event_in(self.slow.events[log][seq])
        edits = [row.by for row in self.slow.edits.values() if row[:2] == (log, seq)]
        changes = []
        for one in (seq, *edits):
            ts = event_in(self.slow.events[log][one]).ts
            gone = pack([event(log, one, "", kind="removed", ts=ts)])[0]
            changes.append(Erase(log, one, 1 << 20, gone))
        if erased.kind == "edit":
            return [*changes, DropEdit(log, erased.ref, seq)]
        return [*changes, DropEdits(log, seq)]

    @rule(log=st.sampled_from(LOGS), back=st.integers(0, 12), text=texts, keeps=st.booleans())
    def edit(self, log, back, text, keeps):
        seq = self.heads[log] - back
        kept = self.slow.events.get(log, {})
        if seq in kept and event_in(kept[seq]).kind == "message":
            self.time += 1
            by = self.heads[log] + 1
            edit = Event(room=f"#{log}", seq=by, ts=self.time, kind="edit", by="a", text=text, ref=seq)
            others = [] if keeps else self.rewording(log, seq, by)
            self.both(Changes(events=[(log, by, pack([edit]))], others=[PutEdit(log, seq, by), *others]))
            self.heads[log] = by

    def rewording(self, log, seq, by):
        """Return the changes that erase what an event and its edits say, for another wording."""
        kept = self.slow.events[log]
        edits = [row.by for row in self.slow.edits.values() if row[:2] == (log, seq)]
        events = [event_in(kept[one]) for one in (seq, *edits)]
        return [Reword(log, one.seq, by, pack([replace(one, text="", edited=by)])[0]) for one in events]

    @rule(log=st.sampled_from(LOGS), count=st.integers(1, 30))
    def trim(self, log, count):
        self.firsts[log] = min(self.heads[log] + 1, self.firsts[log] + count)
        first = self.firsts[log]
        row = PutRoom(log, f"#{log}", "", first)
        self.both(Changes(others=[row, Trim(log, first), DropEditsBelow(log, first)]))

    @rule()
    def settle(self):
        self.store.settle()
        if self.store.store._index._clearing.cleared_lately:
            return  # it was cleared once, and will be again in a while
        terms = set()
        for log, kept in self.slow.events.items():
            edited = {seq: by for of_log, seq, by in sorted(self.slow.edits.values()) if of_log == log}
            for seq, stored in kept.items():
                one = said_in(text_of(stored))
                if isinstance(one, Said):
                    if seq in edited:
                        one = one._replace(text=event_in(kept[edited[seq]]).text)
                    terms |= one.terms()
        assert set(known(self.folder)) == terms

    @rule()
    def crash(self):
        """Begin again with what is on the disk at this moment."""
        copy = Path(tempfile.mkdtemp(prefix="chatd-test-"))
        for name in ("chatd.sqlite", "chatd.sqlite-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        self.store.close()
        shutil.rmtree(self.folder)
        self.folder, self.store = copy, Driven(copy)

    @rule()
    def throw_away(self):
        self.store.close()
        database = apsw.Connection(str(self.folder / "chatd.sqlite"))
        database.execute("UPDATE meta SET value = 'other' WHERE name = 'rules'")
        database.close()
        self.store = Driven(self.folder)

    @rule(text=texts, form=st.sampled_from(['"{}"', "{}", "from:a {}", "from:b {}"]), limit=st.integers(1, 5))
    def search(self, text, form, limit):
        query = form.format(text)
        try:
            parse(query)
        except QueryError:
            return
        scopes = [Scope(log, self.firsts[log], self.heads[log]) for log in LOGS]
        # Until then an answer may say that it is behind, or lack what an edit that is gone had changed.
        while self.store.store._index._firsts or self.store.store._index._leaving.due:
            time.sleep(0.001)
        found = all_pages(self.store, query, scopes, limit)
        wanted = []
        self.slow.search(parse(query), scopes, None, 1 << 20, wanted.append)
        assert found == wanted[0].hits, query

    @rule(data=st.data())
    def search_what_is_there(self, data):
        log = data.draw(st.sampled_from(LOGS))
        kept = list(self.slow.events.get(log, {}).values())
        if kept:
            words = event_in(data.draw(st.sampled_from(kept))).text.split()
            if words:
                self.search(data.draw(st.sampled_from(words)).replace('"', ""), "{}", 3)

    @invariant()
    def whole(self):
        assert self.store.store._writing.is_alive()


TestSearched = Searched.TestCase
TestSearched.settings = settings(
    max_examples=examples(25), stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_what_an_older_chatd_has_left_is_indexed_from_the_newest_on(open_store, tmp_path):
    store = open_store()
    store.append(rooms(1, 2))
    store.append(said(1, 1, *[f"old {seq}" for seq in range(1, 1201)]))
    store.append(said(2, 1, "old 9"))
    store.close()
    database = apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))
    database.set_busy_timeout(5000)  # the store may be writing what nobody waits for
    for statement in ("DROP TABLE words", "DELETE FROM indexed", "DELETE FROM meta WHERE name = 'rules'"):
        database.execute(statement)
    database.close()
    again = open_store()
    scopes = [Scope(1, 1, 1200), Scope(2, 1, 1)]
    assert [hit.place.seq for hit in again.search("1200", scopes).hits] == [1200]
    again.append(said(1, 1201, "new 1201"))
    again.settle()
    scopes[0] = Scope(1, 1, 1201)
    for word, seqs in (("1201", [1201]), ("old", range(1200, 0, -1)), ("3", [3])):
        found = all_pages(again, word, scopes, 400)
        assert [hit.place.seq for hit in found if hit.place.log == 1] == list(seqs)
    assert not again.search("old", scopes).behind


def nothing(_):
    """Do nothing, and have nothing to do."""


def test_it_says_that_the_index_is_behind_until_it_has_caught_up(open_store):
    store = open_store()
    with pytest.MonkeyPatch.context() as patch:
        for step in ("rest", "news", "between"):
            patch.setattr(index.Index, step, nothing)
        store.append(rooms(1))
        store.append(said(1, 1, *["word"] * 700))
        found = store.search("word", [Scope(1, 1, 700)], limit=1000)
        assert found.behind
        assert places(found) == [(1, seq) for seq in range(700, 200, -1)]
        assert not store.search("word", [Scope(1, 1, 400)]).behind
    store.append(said(1, 701, "word"))
    store.settle()
    assert not store.search("word", [Scope(1, 1, 701)], limit=1000).behind
    assert len(places(store.search("word", [Scope(1, 1, 200)], limit=1000))) == 200


def secrets(first, last):
    """Words that no other text has, nor the beginning of them."""
    return {seq: f"{seq * 7919 % 99991:05d}zq{seq}secret" for seq in range(first, last + 1)}


WAYS = {
    "one": range(450, 451),
    "few": range(100, 120),
    "many": range(100, 400),
    "cut": range(1, 500),
    "room": range(1, 901),
}
"""Events that are taken away, one way or another."""


WAYS = {
    "one": range(450, 451),
    "few": range(100, 120),
    "many": range(100, 400),
    "cut": range(1, 500),
    "room": range(1, 901),
}
"""Events that are taken away, one way or another."""


@pytest.mark.parametrize("way", WAYS)
def test_the_words_of_what_was_taken_away_are_in_no_file(open_store, tmp_path, way):
    store, folder = open_store(), tmp_path / "data"
    store.append(rooms(1, 2))
    words = secrets(1, 900)
    for first in range(1, 900, 100):
        store.append(said(1, first, *[f"so {words[seq]} it is" for seq in range(first, first + 100)]))
        store.append(said(2, first, *[f"other {seq} there" for seq in range(first, first + 100)]))
    store.settle()
    assert left(folder, [words[5]])
    seqs = WAYS[way]
    if way in ("cut", "room"):
        first = max(seqs) + 1
        changes = [PutRoom(1, "#1", "", first), Trim(1, first)]
        if way == "room":
            changes.append(DropRoom(1))
    else:
        changes = [Erase(1, seq, 1000, pack([event(1, seq, "", kind="removed")])[0]) for seq in seqs]
    assert store.append(Changes(others=changes)) is None
    assert not store.search(words[seqs[0]]).hits
    store.settle()
    assert not left(folder, [words[seq] for seq in seqs])
    kept = [seq for seq in words if seq not in seqs]
    for seq in kept[:: max(1, len(kept) // 7)]:
        assert places(store.search(words[seq])) == [(1, seq)]
    assert len(all_pages(store, "other", limit=200)) == 900
    if way == "room":  # the number of a room that is gone may be given again
        store.append(rooms(1))
        store.append(said(1, 1, "another room"))
        store.settle()
        assert places(store.search("another")) == [(1, 1)]


def test_an_edited_event_is_found_by_what_it_says_now(open_store, tmp_path):
    store, folder = open_store(), tmp_path / "data"
    store.append(rooms(1))
    store.append(said(1, 1, *[f"first {seq}" for seq in range(1, 20)]))
    store.settle()
    for by in (20, 21):
        edit = Event(room="#1", seq=by, ts=by, kind="edit", by="ann", text=f"second {by}", ref=5)
        store.append(Changes(events=[(1, by, pack([edit]))], others=[PutEdit(1, 5, by)]))
        for _ in range(2):
            hits = store.search(f"second {by} from:ann").hits
            assert [(hit.place.seq, event_in(hit.edit).seq) for hit in hits] == [(5, by)]
            assert not store.search('"first 5"').hits
            assert not store.search(f"second {by - 1}").hits
            store.settle()
    changes = [Erase(1, 21, 30, pack([event(1, 21, "", kind="removed")])[0]), DropEdit(1, 5, 21)]
    store.append(Changes(others=changes))
    assert places(store.search("second 20")) == [(1, 5)]
    store.append(
        Changes(others=[Erase(1, 5, 31, pack([event(1, 5, "", kind="removed")])[0]), DropEdits(1, 5)])
    )
    assert not store.search("second").hits
    store.settle()
    assert "second" not in known(folder)


def test_an_earlier_wording_that_is_not_kept_is_in_no_file(open_store, tmp_path):
    store, folder = open_store(), tmp_path / "data"
    words = secrets(1, 12)
    store.append(rooms(1))
    store.append(said(1, 1, *[f"so {words[seq]} it is" for seq in range(1, 11)]))
    store.settle()
    assert left(folder, [words[5]])
    last, text = event(1, 5, f"so {words[5]} it is"), words[11]
    for by in (11, 12):
        edit = Event(room="#1", seq=by, ts=by, kind="edit", by="ann", text=f"now {text}", ref=5)
        emptied = pack([replace(last, text="", edited=by)])[0]
        changes = [PutEdit(1, 5, by), Reword(1, last.seq, by, emptied)]
        assert store.append(Changes(events=[(1, by, pack([edit]))], others=changes)) is None
        for _ in range(2):
            assert places(store.search(text)) == [(1, 5)]
            assert not store.search(words[5]).hits
            store.settle()
        assert not left(folder, [words[5]])
        last, text = edit, words[12]
    assert not left(folder, [words[11]])
    assert places(store.search(words[4])) == [(1, 4)]


def test_what_is_written_anew_again_and_again_is_no_damage(open_store, tmp_path):
    """SQLite counts the rows of an index, and takes a count below nothing for damage."""
    store, folder = open_store(), tmp_path / "data"
    store.append(rooms(1))
    words = secrets(1, 6)
    store.append(said(1, 1, *words.values()))
    for seq in words:
        store.settle()
        gone = pack([event(1, seq, "", kind="removed")])[0]
        assert store.append(Changes(others=[Erase(1, seq, 100, gone)])) is None
    store.settle()
    assert not left(folder, words.values())
    assert known(folder) == set()


def test_a_large_removal_soon_after_another_waits_for_no_hour(open_store, tmp_path):
    store, folder = open_store(), tmp_path / "data"
    store.append(rooms(1))
    words = secrets(1, 240)
    store.append(said(1, 1, *words.values()))
    store.settle()
    for first in (1, 121):
        part = range(first, first + 120)
        gone = [Erase(1, seq, 300, pack([event(1, seq, "", kind="removed")])[0]) for seq in part]
        assert store.append(Changes(others=[*gone])) is None
        store.settle()
    deadline = time.monotonic() + 20
    while known(folder) or left(folder, words.values()):
        assert time.monotonic() < deadline, "what was removed is in the index still"
        time.sleep(0.1)


def test_what_is_gone_before_it_was_indexed_never_is(open_store, tmp_path, monkeypatch):
    monkeypatch.setattr(index.Index, "between", nothing)
    store = open_store()
    store.append(rooms(1))
    words = secrets(1, 60)
    store.append(said(1, 1, *words.values()))
    gone = pack([event(1, 7, "", kind="removed")])[0]
    changes = [Erase(1, 7, 100, gone), PutRoom(1, "#1", "", 5), Trim(1, 5)]
    store.append(Changes(others=changes))
    store.settle()
    assert not left(tmp_path / "data", [words[seq] for seq in (1, 2, 3, 4, 7)])
    assert [hit.place.seq for hit in all_pages(store, "from:ann", limit=20)] == [*range(60, 7, -1), 6, 5]


def test_events_that_are_none_are_passed_over(open_store):
    store = open_store()
    store.append(rooms(1))
    store.append(Changes(events=[(1, 1, [b"gone", b"\0\0\0\1Mnonsense", *pack([event(1, 3, "word")])])]))
    store.settle()
    assert places(store.search("word")) == [(1, 3)]


def test_a_damaged_index_is_made_anew_and_nothing_else_is_lost(open_store, tmp_path):
    store = open_store()
    store.append(rooms(1))
    store.append(said(1, 1, *["word"] * 300))
    store.settle()
    store.close()
    database = apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))
    database.set_busy_timeout(5000)  # the store may be writing what nobody waits for
    database.execute("UPDATE words_data SET block = x'00' WHERE id > 10")
    database.close()
    again = open_store()
    again.append(Changes(others=[Erase(1, 5, 1000, pack([event(1, 5, "", kind="removed")])[0])]))
    end = time.monotonic() + PATIENCE
    while len(all_pages(again, "word", limit=200)) != 299:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_index_that_cannot_be_brought_up_to_date_is_told_of_once(open_store, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "LATER", 0.01)
    store = open_store()
    store.append(rooms(1))
    database = apsw.Connection(str(tmp_path / "data" / "chatd.sqlite"))
    database.set_busy_timeout(5000)  # the store may be writing what nobody waits for
    database.set_busy_timeout(5000)
    database.execute(
        "CREATE TRIGGER never BEFORE INSERT ON indexed BEGIN SELECT raise(ABORT, 'no room is left'); END"
    )
    assert store.append(said(1, 1, "word", "word", "word")) is None
    store.await_heard("index failed", 1)
    assert store.append(said(1, 4, "word")) is None
    database.execute("DROP TRIGGER never")
    database.close()
    store.settle()
    ((_, error, lacking),) = [heard for heard in store.heard if heard[0] == "index failed"]
    assert ("no room is left" in error, lacking) == (True, 3)
    assert len(all_pages(store, "word")) == 4


def long_text(number):
    """Return a text of 5,400 characters that are all different, and 10,800 terms."""
    return "".join(chr(0x4E00 + (at * 7919 + number * 31) % 20_000) for at in range(5400))


def do_nothing_more(monkeypatch):
    for step in ("rest", "news", "between"):
        monkeypatch.setattr(index.Index, step, nothing)


@pytest.mark.slow  # it works for a second
def test_no_commit_pays_for_the_terms_of_a_long_text_one_by_one(open_store, tmp_path, monkeypatch):
    store = open_store()
    store.append(rooms(1))
    store.append(said(1, 1, *map(long_text, range(30))))
    store.settle()
    do_nothing_more(monkeypatch)
    writer = store.store._writer
    before = writer.total_changes()
    gone = pack([event(1, 5, "", kind="removed")])[0]
    assert store.append(Changes(others=[Erase(1, 5, 1000, gone)])) is None
    assert writer.total_changes() - before < 300
    scopes = [Scope(1, 1, 30)]
    assert 5 not in [hit.place.seq for hit in all_pages(store, long_text(4)[:2], scopes, limit=50)]
    assert 6 in [hit.place.seq for hit in all_pages(store, long_text(5)[:2], scopes, limit=50)]


def edits_of(log, first, texts):
    edits = [
        Event(room=f"#{log}", seq=first + n, ts=first, kind="edit", by="ann", text=text, ref=n + 1)
        for n, text in enumerate(texts)
    ]
    rows = [PutEdit(log, edit.ref, edit.seq) for edit in edits]
    return Changes(events=[(log, first, pack(edits))], others=rows)


@pytest.mark.slow  # it works for a second
@pytest.mark.parametrize("way", ["new", "old"])
def test_a_slice_takes_long_edits_only_as_long_as_its_turn(open_store, monkeypatch, way):
    slices = []
    add = index.Index._add

    def noted(self, taken):
        slices.append(len(taken.rows))
        add(self, taken)

    store = open_store()
    store.append(rooms(1))
    begin = [long_text(number) for number in range(15)] if way == "new" else ["short"] * 15
    store.append(said(1, 1, *begin))
    store.settle()
    monkeypatch.setattr(index.Index, "_add", noted)
    if way == "old":
        with monkeypatch.context() as stopped:
            do_nothing_more(stopped)
            store.append(edits_of(1, 16, map(long_text, range(15))))
            slices.clear()
            store.store._index.throw_away()
            store.store._index._look()
            store.store._index._ranges[1] = index.Range(31, 30)
            store.store._index._heads.clear()
            store.store._index._firsts = {1: 1}
        store.append(rooms(2))
    else:
        store.append(edits_of(1, 16, ["word"] * 15))
    store.settle()
    assert max(slices) <= 5
    assert sum(slices) == 15
    text = "word" if way == "new" else long_text(7)[:2]
    found = [(1, hit.place.seq) for hit in all_pages(store, text, limit=50)]
    assert found == [(1, seq) for seq in range(15, 0, -1)] if way == "new" else (1, 8) in found


@pytest.mark.parametrize(
    "nick", ["ann,ben", "(ann)", "ann lee", "ann's", '"', "\uff02", "a\0b", "*", "'", "a OR b", '" OR "a']
)
def test_nothing_leaves_the_quotes_of_what_the_index_is_asked_for(open_store, nick):
    store = open_store()
    store.append(rooms(1))
    store.append(said(1, 1, "a word", "b word", by="ann"))
    store.settle()
    assert store.search("word").hits
    found = []
    store.store.search(Query(senders=[nick]), [Scope(1, 1, 2)], None, 50, found.append)
    assert store.wait() == HitPage([])


def asked_of_the_index(store):
    """Return the list of what the index is asked for from now on."""
    asked = []

    def note(_, statement, given):
        if "FROM words" in statement:
            asked.append(given[0])
        return True

    store.store._searcher.exec_trace = note
    return asked


def test_the_index_is_asked_for_few_terms_and_in_few_logs(open_store):
    store = open_store()
    logs = range(1, 101)
    store.append(rooms(*logs))
    for log in logs:
        store.append(said(log, 1, f"room {log} has this long sentence of words", "another word", ts=log))
    store.settle()
    scopes = [Scope(log, 1, 2) for log in logs]
    asked = asked_of_the_index(store)
    found = store.search("this sentence has words of that long room", scopes)
    assert not found.hits
    found = store.search("this sentence has words of room 42 long", scopes)
    assert places(found) == [(42, 1)]
    assert max(expression.count('"') for expression in asked) == 2 * searching.MAX_ASKED
    asked.clear()
    assert places(store.search("word", scopes, limit=3)) == [(100, 2), (99, 2), (98, 2)]
    assert len(asked) <= 4


def test_marks_are_asked_for_besides_the_longest_words(open_store):
    store = open_store()
    store.append(rooms(1))
    for seq, by in enumerate(("ann", "ben", "ann"), 1):
        store.append(said(1, seq, f"one two three four five six seven {seq}", by=by))
    store.settle()
    asked = asked_of_the_index(store)
    assert places(store.search('"three four" from:ben seven one two six')) == [(1, 2)]
    assert all("\ue000ben" in expression for expression in asked)
    assert places(store.search('"three five" seven')) == []


def test_messages_one_by_one_are_gathered_and_found_meanwhile(open_store, monkeypatch):
    slices = []
    add = index.Index._add

    def noted(self, taken):
        slices.append(len(taken.rows))
        add(self, taken)

    monkeypatch.setattr(index.Index, "_add", noted)
    store = open_store()
    store.store._index._pace.gather = 3600.0
    store.append(rooms(1))
    for seq in range(1, 11):
        store.append(said(1, seq, f"word {seq}"))
    assert not slices
    assert [hit.place.seq for hit in store.search("word").hits] == [*range(10, 0, -1)]
    store.append(said(1, 11, *["word"] * FULL))
    deadline = time.monotonic() + PATIENCE
    while not slices:
        assert time.monotonic() < deadline, "so many are taken at once"
        time.sleep(0.01)
    store.store._index._pace.gather = 0.0
    store.settle()
    assert sum(slices) == 10 + FULL


def test_no_commit_works_out_the_terms_of_very_much(open_store, tmp_path, monkeypatch):
    store, folder = open_store(), tmp_path / "data"
    store.append(rooms(1))
    store.append(said(1, 1, *map(long_text, range(6)), *[f"other {seq}" for seq in range(30)]))
    store.append(edits_of(1, 37, [long_text(n) for n in range(100, 103)]))
    store.settle()
    do_nothing_more(monkeypatch)
    asked = []
    monkeypatch.setattr(index, "_rows", asked.append)
    gone = [pack([event(1, seq, "", kind="removed")])[0] for seq in range(1, 7)]
    erasing = [Erase(1, seq, 1000, gone[seq - 1]) for seq in range(1, 7)]
    edits = [Erase(1, seq, 1000, pack([event(1, seq, "", kind="removed")])[0]) for seq in (37, 38, 39)]
    dropping = [DropEdits(1, seq) for seq in (1, 2, 3)]
    assert store.append(Changes(others=[*erasing, *edits, *dropping])) is None
    assert not asked
    assert not store.search(long_text(100)[:2]).hits
    assert not store.search(long_text(5)[:2]).hits
    assert len(all_pages(store, "other", limit=50)) == 30
    store.close()
    monkeypatch.undo()
    again = open_store()
    again.settle()
    words = [long_text(number)[:9] for number in (*range(6), 100, 101, 102)]
    assert not left(folder, words)
    assert len(known(folder)) == 1 + 30 + 1
    assert len(all_pages(again, "other", limit=50)) == 30


def test_a_room_with_the_number_of_one_that_still_leaves_keeps_its_words(open_store, monkeypatch):
    monkeypatch.setattr(leaving, "AT_ONCE", 0)
    store = open_store()
    store.append(rooms(1))
    store.append(said(1, 1, *[f"word {seq}" for seq in range(1, 50)]))
    store.settle()
    with monkeypatch.context() as stopped:
        do_nothing_more(stopped)
        assert store.append(Changes(others=[PutRoom(1, "#1", "", 50), Trim(1, 50), DropRoom(1)])) is None
        store.append(rooms(1))
        store.append(said(1, 1, *[f"word again {seq}" for seq in range(1, 50)]))
    store.append(said(1, 50, "the last word"))
    store.settle()
    assert places(store.search("word 7")) == [(1, 7)]
    assert len(all_pages(store, "word", limit=20)) == 50
    assert not store.store._index._leaving.due
