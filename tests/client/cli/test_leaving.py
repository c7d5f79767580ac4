"""What is said at the end of chatc about what is not done, and what the next run makes of it."""

import pytest

from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from chatd.testing.store import MemoryStore
from tests.client.cli.sitting import Person
from tests.client.entering import make_client
from tests.client.filing import Hands


def slot_of(folder):
    return open_slot("p", origin_of(Options().server), "ann", "ann", folder=folder)


@pytest.fixture
def run(world, tmp_path):
    """Return a function that runs chatc, enters lines, and returns what chatc said meanwhile."""

    def begin(*lines, offline=False):
        if offline:
            world.crash_server()
        client = make_client(world, "ann", slot=slot_of(tmp_path), workers=Hands())
        somebody = Person(world, client)
        somebody.talk.over.addErrback(lambda _: None)
        somebody.client.start()
        world.advance(3)
        before = len(somebody.paper.lines)
        somebody.type(*lines)
        somebody.leave()
        somebody.client.stop()
        world.advance(3)
        if offline:
            world.start_server()
        return [line for line in somebody.paper.lines[before:] if "asked as soon as" not in line]

    return begin


def test_a_text_behind_a_join_goes_out_in_the_next_run_with_the_join(run):
    assert run("/join #g", "first", "second", "/quit", offline=True) == [
        "chatc: 2 messages stay queued; they go out when chatc runs again.",
    ]
    run()
    shown = run("/join #g", "/history")
    assert [line for line in shown if "<ann>" in line] == ["#g 2 <ann> first", "#g 3 <ann> second"]


def test_a_join_that_nothing_waits_behind_is_told(run):
    assert run("/join #g", "hello", "/join #h", offline=True) == [
        "chatc: /join #h was not done; enter it again next time.",
        "chatc: 1 message stays queued; it goes out when chatc runs again.",
    ]


def test_a_join_of_a_room_that_one_is_in_is_not_told(run):
    run("/join #g")
    assert run("/join #g", offline=True) == []


def test_a_room_that_was_left_elsewhere_is_not_entered_again_for_a_text(run, world, tmp_path):
    run("/join #g")
    held = slot_of(tmp_path)
    run("/status")  # a second device of the same user
    held.close()
    run("/join #g", "hello", offline=True)
    held = slot_of(tmp_path)
    run("/leave #g")
    held.close()
    run()
    room = world.server.hub.world.rooms["#g"]
    assert not room.members
    assert room.log.head == 2  # the join and the leave


def test_what_refers_to_what_was_said_goes_out_in_the_next_run(run):
    run("/join #g", "tea")
    assert run("/reply 2 yes", "/edit 2 tea!", "/react 2 🍵", offline=True) == [
        "chatc: 3 messages stay queued; they go out when chatc runs again.",
    ]
    run()
    shown = run("/history")
    assert [line.strip() for line in shown if "<ann>" in line or "🍵" in line] == [
        "#g 2 <ann> tea! (edited)",
        "🍵 1*",
        "#g 3 <ann> (to 2 ann: tea!) yes",
    ]


def test_another_server_is_not_asked_for_rooms_that_were_meant_for_the_first_one(run, world):
    run("/status")
    run("/join #g", "hello", offline=True)
    world.crash_server()
    world.store = MemoryStore(server="another")
    world.start_server()
    run()
    assert "#g" not in world.server.hub.world.rooms


def test_what_only_looks_and_is_not_done_is_told_too(run):
    run("/join #g")
    said = run("/who", "/history 5", "/get 3", "/nick zed", offline=True)
    assert said == ["chatc: /who, /history 5, /get 3, /nick zed were not done; enter them again next time."]


def test_a_file_behind_a_join_goes_on_in_the_next_run_with_the_join(run, world, tmp_path):
    path = tmp_path / "f.txt"
    path.write_text("data")
    assert run("/join #g", f"/put {path} cap", offline=True) == [
        "chatc: 1 file is not sent yet; it goes on when chatc runs again.",
    ]
    run()
    assert "#g" in world.server.hub.world.rooms
