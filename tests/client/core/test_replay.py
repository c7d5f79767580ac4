"""Behind an older copy: all that is new is shown once, and of what was seen next to nothing again."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatd.client.core.notices import EventSeen, Restored
from chatd.client.core.rooms import Rooms
from chatd.client.core.seen import Seen
from chatd.client.core.trail import GRAIN, PART, WINDOW, Trail
from chatd.wire.limits import MAX_TRAIL
from chatd.wire.messages import Event, Gap, RoomState
from tests.examples import examples


def event(seq, text=""):
    return Event(room="#a", seq=seq, ts=seq, kind="message", by="ann", text=text)


def check(seq, *, new=False):
    return f"{(2 * seq + new) * 2_654_435_761 % 2**32:08x}"


class Story:
    """A reader that has seen ``seen`` events of a log that has ``common`` of them now, and ``new`` others."""

    def __init__(self, seen, common, new):
        self.common, self.head = common, common + new
        trail = Trail()
        for seq in range(1, seen + 1):
            trail.add(seq, check(seq))
        self.rooms = Rooms(Seen({"#a": seen}, {"#a": trail}), {}, ())
        self.seen = seen
        self.heard = []
        self.positions = {}

    def connect(self):
        """Begin a link: the server goes by the points that the client would send."""
        points = self.rooms.seen.trail("#a").points(MAX_TRAIL)
        cursor = self.rooms.seen.cursors["#a"]
        good = [seq for seq, digits in points if seq <= self.head and digits == self.check(seq)]
        start = max(good, default=0)
        turned = not points or start < points[0][0] or cursor > self.head
        restored = turned and bool(points)
        self.positions = {}
        state = RoomState(
            room="#a",
            topic="",
            head=self.head,
            cursor=start if restored else cursor,
            read=0,
            restored=restored,
        )
        self.heard += self.rooms.opened(self.positions, state, "ann")

    def check(self, seq):
        return check(seq, new=seq > self.common)

    def bring(self, most=None):
        first = self.positions["#a"] + 1
        last = self.head if most is None else min(self.head, first + most - 1)
        for seq in range(first, last + 1):
            self.heard += self.rooms.event(self.positions, event(seq), self.check(seq), 0)

    @property
    def shown(self):
        return [one.event.seq for one in self.heard if isinstance(one, EventSeen)]

    def verify(self):
        shown = self.shown
        distance = self.seen - self.common
        assert shown == sorted(set(shown)), "each once, in order"
        assert [seq for seq in shown if seq > self.common] == list(range(self.common + 1, self.head + 1))
        again = [seq for seq in shown if seq <= self.common]
        assert len(again) <= max(2 * GRAIN, distance // PART)
        (told,) = [one for one in self.heard if isinstance(one, Restored)] or [None]
        if again:
            assert told.again, "it was not said that some of it was seen"
        if distance < WINDOW:
            assert not again
        assert self.rooms.seen.cursors["#a"] == self.head
        assert self.rooms.seen.trail("#a").knows(self.head, self.check(self.head))


SIZES = st.integers(1, 6000)


@settings(deadline=None, max_examples=examples(60))
@given(SIZES, SIZES, st.integers(1, 900), st.lists(st.integers(1, 700), max_size=4))
@example(5000, 900, 40, [])
@example(5000, 4200, 40, [300, 1, 1])
@example(6000, 2, 1, [1])
def test_all_that_is_new_is_shown_once_and_little_again(seen, common, new, cuts):
    story = Story(seen, min(common, seen), new)
    story.connect()
    for most in cuts:
        story.bring(most)
        story.connect()
    story.bring()
    story.verify()


@pytest.mark.parametrize("common", [100, 20_000, 39_000, 39_990])
def test_far_back(common):
    story = Story(40_000, common, 30)
    story.connect()
    story.bring()
    story.verify()


def test_what_is_held_is_no_cursor_yet_and_comes_again():
    story = Story(5000, 900, 40)
    story.connect()
    begun = story.rooms.seen.cursors["#a"]
    story.bring(3)
    assert (story.shown, story.rooms.seen.cursors["#a"]) == ([], begun)
    story.connect()
    story.bring()
    story.verify()


def test_a_gap_behind_what_is_held_shows_that_first():
    story = Story(5000, 900, 40)
    story.connect()
    story.bring(3)
    position = story.positions["#a"]
    gap = Gap(room="#a", first=position + 1, last=position + 9)
    first, *rest = notices = list(story.rooms.gap(story.positions, gap))
    assert [one.event.seq for one in notices[:-1]] == [position - 2, position - 1, position]
    assert (first.event.seq, rest[-1].first, rest[-1].last) == (position - 2, position + 1, position + 9)


def test_where_nothing_is_left_nothing_is_held():
    story = Story(5000, 0, 40)
    story.connect()
    story.bring(1)
    assert story.shown == [1]
