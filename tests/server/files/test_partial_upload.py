"""Partial uploads: one transfer at a time, one may wait, and whatever is given back can be had again."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chatd.files.blobs import BlobStore, Key
from chatd.server.files.partial_upload import PARKED, PartialUploads, State
from chatd.server.files.threads import DiskError
from chatd.testing.files import ClockWorkers
from chatd.wire.errors import RequestError
from tests.server.files.moving import digest_of

CONTENT = b"what is sent"
SIZE = len(CONTENT)
KEY = Key(1, digest_of(CONTENT))


class Accounts:
    """Notes how many bytes are counted for each."""

    def __init__(self):
        self.counted = {}

    def reserve(self, key, size):
        before = self.counted.get(key, 0)
        self.counted[key] = size
        return before

    def forget(self, key):
        del self.counted[key]


class Shelf:
    """Partial uploads below a folder, with threads that work when the clock goes on."""

    def __init__(self, folder):
        self.clock = Clock()
        self.workers = ClockWorkers(self.clock)
        self.accounts = Accounts()
        store = BlobStore(folder)
        store.prepare()
        self.all = PartialUploads(store, self.workers, self.accounts)

    def acquire(self, size=SIZE, key=KEY):
        """Return a partial upload, and what comes of opening it."""
        upload = self.all.acquire(key, size)
        opened = []
        Deferred.fromCoroutine(upload.open()).addBoth(opened.append)
        return upload, opened

    def work(self):
        for _ in range(5):
            self.clock.advance(0)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def begin(shelf):
    upload, opened = shelf.acquire()
    shelf.work()
    opened[0].write([CONTENT[:5]])
    return upload, opened[0]


def test_a_second_transfer_is_refused_until_the_first_one_is_leaving(shelf):
    first, part = begin(shelf)
    with pytest.raises(RequestError, match="on its way already"):
        shelf.acquire()
    first.leave()
    second, opened = shelf.acquire()
    assert second.state is State.WAITING
    with pytest.raises(RequestError, match="on its way already"):
        shelf.acquire()
    first.park()
    assert opened == [part]
    assert (first.state, second.state) == (State.GONE, State.HELD)
    second.close()
    shelf.work()


def test_what_was_parked_is_gone_on_with_unopened(shelf):
    first, part = begin(shelf)
    first.park()
    assert first.state is State.PARKED
    assert shelf.all.idle
    assert shelf.accounts.counted == {KEY: 5}
    second, opened = shelf.acquire()
    assert opened == [part]
    assert shelf.accounts.counted == {KEY: SIZE}
    second.close()
    shelf.work()
    assert KEY not in shelf.all
    assert shelf.accounts.counted == {KEY: 5}


def test_another_size_begins_anew(shelf):
    first, part = begin(shelf)
    first.park()
    second, opened = shelf.acquire(size=50)
    shelf.work()
    assert opened[0] is not part
    assert (opened[0].size, opened[0].written) == (50, 0)
    second.discard()
    shelf.work()


def test_of_what_has_no_byte_nothing_is_kept(shelf, tmp_path):
    upload, _ = shelf.acquire()
    shelf.work()
    upload.park()
    assert KEY in shelf.all
    shelf.work()
    assert KEY not in shelf.all
    assert shelf.accounts.counted == {}
    assert not list((tmp_path / "partial").iterdir())


def test_what_cannot_be_opened_is_given_back_to_who_waits(shelf, tmp_path):
    (tmp_path / "partial" / str(KEY)).mkdir()
    first, failed = shelf.acquire()
    first.leave()
    _, opened = shelf.acquire()
    shelf.workers.held = True
    shelf.work()
    shelf.workers.release()
    assert failed[0].check(DiskError)
    assert opened[0].check(DiskError)
    assert KEY not in shelf.all


def test_a_removal_is_waited_for(shelf):
    first, _ = begin(shelf)
    first.close()
    shelf.work()
    shelf.all.drop(KEY)
    assert not shelf.all.idle
    second, opened = shelf.acquire()
    shelf.work()
    assert opened[0].written == 0
    assert shelf.accounts.counted == {KEY: SIZE}
    second.discard()
    shelf.work()


def test_so_many_stay_open(shelf):
    for number in range(PARKED + 3):
        upload, opened = shelf.acquire(key=Key(number, KEY.sha256))
        shelf.work()
        opened[0].write([b"x"])
        upload.park()
        shelf.work()
    assert [Key(number, KEY.sha256) in shelf.all for number in range(4)] == [False, False, False, True]
    shelf.all.close_parked(0)
    shelf.work()
    assert not shelf.all.any_of(KEY.sha256)


def test_given_back_twice_is_given_back_once(shelf):
    first, part = begin(shelf)
    first.park()
    first.park()
    first.leave()
    assert first.state is State.PARKED
    second, opened = shelf.acquire()
    assert opened == [part]
    for again in (first.leave, first.park, first.close, first.discard):
        again()
        shelf.work()
        assert second.state is State.HELD
        assert second.part is part
    second.close()
    second.close()
    second.park()
    second.leave()
    shelf.work()
    assert second.state is State.GONE


def test_a_step_that_makes_no_sense_is_a_fault(shelf):
    upload, _ = begin(shelf)
    upload.close()
    shelf.work()
    with pytest.raises(RuntimeError, match="is gone cannot be held"):
        upload.begin(None)
