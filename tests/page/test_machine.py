"""The rules of the companion client's machine, one by one, hold of the page's."""

import pytest

from chatd.client.core.notices import Lost
from chatd.client.core.session import Session
from tests.client.core import test_machine
from tests.client.model import Account, Conn, ModelServer
from tests.page.worlds import TwinDisk, TwinWorld, adopted

NO_SIBLINGS = {
    "test_a_sibling_gives_a_device_session",
    "test_a_taken_nick_stops_with_a_suggestion_when_no_sibling_holds_it",
    "test_a_taken_nick_may_be_held_by_a_sibling_that_is_found_in_time",
}
"""All windows of a browser are one session."""

NO_BYTES = {
    "test_a_stranger_is_told_in_a_sentence_and_asked_rarely",
    "test_a_welcome_that_is_cut_short_is_no_stranger",
    "test_a_way_through_a_proxy_is_made_when_the_server_has_spoken",
    "test_a_link_with_data_out_of_order_is_not_given_up",
    "test_a_link_with_data_out_of_order_is_suspected_all_the_same",
    "test_a_link_with_data_out_of_order_gives_way_to_one_that_serves",
}
"""A page sees neither the bytes of its connection nor what the system knows of it."""

INSIDE = {
    "test_a_cancelled_request_is_not_asked",
    "test_a_room_that_no_welcome_names_any_more_is_given_up",
    "test_any_heartbeat_suspects_at_half_of_its_limit",
    "test_a_probe_is_suspected_at_half_of_the_limit_after_the_last_byte",
    "test_bytes_that_cannot_be_read_put_no_suspicion_off_while_nothing_is_awaited",
    "test_silence_is_suspected_at_half_of_the_limit_whatever_was_measured",
}
"""They change one machine from within."""

OTHERWISE = {
    "test_a_reconnect_resumes_with_the_token_and_the_cursors",  # a page follows all rooms
    "test_a_takeover_by_our_own_second_link_does_not_stop_us",  # it takes in what comes at once one by one
}

globals().update(adopted(test_machine, NO_SIBLINGS | NO_BYTES | INSIDE | OTHERWISE))


@pytest.fixture(autouse=True)
def worlds(monkeypatch):
    monkeypatch.setattr(test_machine, "World", TwinWorld)


def test_rooms_that_no_hello_has_room_for_are_joined_again():
    names = [f"#{number:03}" for number in range(300)]
    disk = TwinDisk(Session(nick="ann", token="token1", id=1, server="model"))
    disk.cursors, disk.names = dict.fromkeys(names, 0), dict(zip(names, names, strict=True))
    server = ModelServer()
    server.accounts["token1"] = Account(1, "ann")
    server.members = {name: {"ann"} for name in names}
    world = TwinWorld(server, (), disk)
    world.settle(90)
    assert len(world.conn.cursors) == 300


class Mute(ModelServer):
    """Says welcome, and nothing else."""

    def connection(self):
        conn = Conn(self)
        hears = conn.receive
        conn.receive = lambda data: None if conn.heard else hears(data)
        return conn


def test_what_helps_nowhere_leaves_a_link_alone_until_it_is_dead():
    world = TwinWorld(Mute())
    for _ in range(120):
        world.step(2)
        world.wait(0.5)
    assert world.machine.links.segments.patient
    assert len(world.said(Lost)) > 3
