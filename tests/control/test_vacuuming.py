"""``vacuum`` over the control socket: it tells how far it is, and waits for no disk that hangs."""

from chatd.chat.storage import Space, StoreError
from chatd.control import messages as c
from chatd.control.messages import Done, Refused
from chatd.control.rows import SpaceRow


class Slow:
    """What a store says of its room while it is given back."""

    def __init__(self, store):
        self.size, self.free = 100, 60
        self.wish = None
        self.answers = True
        store.space = self.space
        store.vacuum = self.vacuum

    def space(self, done):
        if self.answers:
            done(Space(self.size, self.free, 0))

    def vacuum(self, done):
        self.wish = done


def asked(site):
    asker = site.connect()
    asker.ask(c.AskVacuum(id=1))
    site.playground.advance(0.1)
    return asker


def told(asker):
    return [(row.size, row.free, row.freed) for row in asker.rows(SpaceRow)]


def test_it_tells_how_far_it_is_and_what_it_has_come_to(site):
    slow = Slow(site.playground.store)
    asker = asked(site)
    slow.size, slow.free = 70, 30
    site.playground.advance(1.2)
    assert told(asker) == [(70, 30, 30)]
    assert not asker.ended
    slow.wish(Space(40, 0, 0))
    site.playground.advance(0.2)
    assert told(asker)[-1] == (40, 0, 60)
    assert asker.ended == [Done(id=1)]


def test_a_disk_that_hangs_and_an_asker_who_leaves_hold_up_nothing(site):
    slow = Slow(site.playground.store)
    slow.answers = False
    asker = asked(site)
    site.playground.advance(10)
    assert (told(asker), asker.ended) == ([], [])
    asker.transport.abortConnection()
    site.playground.advance(5)
    calls = len(site.playground.clock.getDelayedCalls())
    slow.wish(Space(40, 0, 0))
    site.playground.advance(5)
    assert len(site.playground.clock.getDelayedCalls()) <= calls
    assert not site.factory.open


def test_what_cannot_shrink_is_refused(site):
    slow = Slow(site.playground.store)
    asker = asked(site)
    site.playground.advance(1)
    slow.wish(StoreError("It cannot."))
    site.playground.advance(0.2)
    assert asker.ended == [Refused(id=1, code="cannot-shrink", text="It cannot.")]
