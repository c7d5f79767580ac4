"""Partial files: whatever is cut off in between, what is gone on with is what was sent."""

import hashlib
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatd.files.partial import InUseError, MismatchError, Partial, read_note
from tests.examples import examples

CONTENT = hashlib.shake_128(b"content").digest(20_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.part"


def _open(path, size=20_000, digest=DIGEST):
    return Partial(path, size, digest)


def test_a_file_comes_in_pieces_and_gets_its_name(path, tmp_path):
    partial = _open(path)
    assert partial.write([CONTENT[:7], memoryview(CONTENT)[7:100]]) == 100
    assert partial.keep(partial.mark()) == 100
    partial.write([CONTENT[100:]])
    partial.check()
    partial.place(tmp_path / "done")
    assert (tmp_path / "done").read_bytes() == CONTENT
    assert [entry.name for entry in tmp_path.iterdir()] == ["done"]


def test_it_is_gone_on_with_where_it_was_kept(path):
    partial = _open(path)
    partial.write([CONTENT[:5000]])
    mark = partial.mark()
    partial.write([CONTENT[5000:9000]])
    partial.keep(mark)
    partial.close()
    again = _open(path)
    assert (again.stored, again.written) == (5000, 5000)
    assert path.stat().st_size == 5000
    again.write([CONTENT[5000:]])
    again.check()


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"null",
        b'{"size":20000,"sha256":"%s","stored":-5,"prefix":""}' % DIGEST.encode(),
        b'{"size":20000,"sha256":"%s","stored":99999999999999999999,"prefix":""}' % DIGEST.encode(),
        b'{"size":20000,"sha256":"%s","stored":5000,"prefix":"00"}' % DIGEST.encode(),
        b'{"size":20000,"sha256":"%s","stored":6000,"prefix":"00"}' % DIGEST.encode(),
        b'{"size":1,"sha256":"%s","stored":5000,"prefix":"00"}' % DIGEST.encode(),
        b"[" * 4000,
    ],
)
def test_a_note_that_is_wrong_is_not_believed(path, note):
    partial = _open(path)
    partial.write([CONTENT[:5000]])
    partial.keep(partial.mark())
    partial.close()
    partial.note_path.write_bytes(note)
    assert _open(path).stored == 0


def test_a_note_of_another_file_is_not_believed(path):
    partial = _open(path)
    partial.write([CONTENT[:5000]])
    partial.keep(partial.mark())
    partial.close()
    assert _open(path, digest="0" * 64).stored == 0


def test_wrong_bytes_are_kept_nowhere(path, tmp_path):
    partial = _open(path)
    partial.write([b"x" * len(CONTENT)])
    partial.keep(partial.mark())
    with pytest.raises(MismatchError):
        partial.check()
    assert not list(tmp_path.iterdir())


def test_one_at_a_time(path):
    first = _open(path)
    with pytest.raises(InUseError):
        _open(path)
    first.close()
    _open(path).close()


def test_a_link_at_its_place_is_not_followed(path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        _open(path)
    assert victim.read_bytes() == b"precious"


def test_what_has_the_name_already_can_be_left_alone(path, tmp_path):
    target = tmp_path / "done"
    target.write_bytes(b"precious")
    partial = _open(path)
    partial.write([CONTENT])
    partial.check()
    with pytest.raises(FileExistsError):
        partial.place(target, replace=False)
    assert target.read_bytes() == b"precious"
    partial.place(tmp_path / "done (1)", replace=False)
    assert (tmp_path / "done (1)").read_bytes() == CONTENT
    assert not path.exists()


def test_no_handle_is_left_open(path):
    for _ in range(3):
        partial = _open(path)
        partial.write([CONTENT[:10]])
        partial.keep(partial.mark())
        assert _handles(path.parent) >= 1
        partial.close()
        partial.close()
    assert _handles(path.parent) == 0


def _handles(folder):
    """Return how many open handles of this process lead into ``folder``, whatever else it has open."""
    count = 0
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            count += handle.readlink().is_relative_to(folder)
    return count


class CrashingPartial(RuleBasedStateMachine):
    """A file that comes in pieces while power fails: what was not flushed is dropped or becomes garbage."""

    @initialize()
    def begin(self):
        self.path = Path(mkdtemp(prefix="chatd-partial-")) / "file.part"
        self.partial = _open(self.path)
        self.safe = 0
        self.notes = [None]
        self.marks = []

    @rule(length=st.integers(1, 7000))
    def write(self, length):
        at = self.partial.written
        self.partial.write([CONTENT[at : at + length]])

    @rule()
    def mark(self):
        self.marks.append(self.partial.mark())

    @precondition(lambda self: self.marks)
    @rule()
    def keep(self):
        flushed = self.partial.written
        self.partial.keep(self.marks.pop(0))
        self.safe = flushed
        self.notes.append(self.partial.note_path.read_bytes())

    @rule(
        garbage=st.binary(max_size=100),
        cut=st.integers(0, 20_000),
        note=st.integers(0, 2),
        torn=st.booleans(),
    )
    def lose_power(self, garbage, cut, note, torn):
        """Lose what was not flushed; the newest note or one of those before it has survived."""
        self.partial.close()
        with self.path.open("r+b") as file:
            file.truncate(max(self.safe, cut))
            file.seek(self.safe)
            file.write(garbage)
        survivor = self.notes[max(len(self.notes) - 1 - note, 0)]
        if survivor is not None:
            self.partial.note_path.write_bytes(survivor)
        else:
            self.partial.note_path.unlink(missing_ok=True)
        if torn:
            self.partial.note_path.with_name(self.partial.note_path.name + ".new").write_bytes(b'{"size":')
        wanted = read_note(self.partial.note_path)
        self._reopen(0 if wanted is None else wanted.stored)

    @rule()
    def close_and_open(self):
        self.partial.close()
        self._reopen(self.partial.stored)

    def _reopen(self, stored):
        self.marks = []
        self.notes = [self.partial.note_path.read_bytes() if stored else None]
        self.partial = _open(self.path)
        assert self.partial.stored == stored
        assert self.path.read_bytes() == CONTENT[:stored]
        self.safe = stored

    @precondition(lambda self: self.partial.whole)
    @rule()
    def finish(self):
        self.partial.check()

    @invariant()
    def what_is_written_is_right(self):
        assert self.path.read_bytes() == CONTENT[: self.partial.written]

    def teardown(self):
        if hasattr(self, "partial"):
            self.partial.close()
            for entry in self.path.parent.iterdir():
                entry.unlink()
            self.path.parent.rmdir()


CrashingPartial.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=25, deadline=None)
TestCrashingPartial = CrashingPartial.TestCase
