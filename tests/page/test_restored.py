"""Restored copies, deleted rooms and late hellos do to a page what they do to the companion client."""

import pytest

from tests.client import conftest, test_deleted, test_restored
from tests.client.core import test_late_hello
from tests.page.twin import Twin
from tests.page.worlds import adopted

PROGRAMS = {
    "test_a_program_that_follows_from_now_on_is_not_given_what_was_said_before_it_came",
    "test_a_program_misses_nothing_however_often_the_daemon_is_started_behind_a_copy",
    "test_a_program_that_has_seen_everything_goes_on_where_both_part",
    "test_a_room_that_the_copy_does_not_have_is_told_like_one_that_others_made_again",
}
"""They follow listed rooms; a page follows all."""

globals().update(adopted(test_restored, PROGRAMS))
globals().update(adopted(test_deleted))
globals().update(adopted(test_late_hello))
enter, speaks, world = conftest.enter, conftest.speaks, conftest.world


@pytest.fixture(autouse=True)
def worlds(monkeypatch):
    monkeypatch.setattr("chatd.client.api.Machine", Twin)
    monkeypatch.setattr("random.uniform", max)
