"""A disk that is full under a profile that is there already: said as what it is, and nothing is lost."""

import os
import resource

import pytest

from chatd.client.core.address import parse_address
from chatd.client.core.outbox import Entry
from chatd.client.core.problems import ClientError
from chatd.client.core.session import Changes, Session
from chatd.client.profile.opening import recall
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from tests.disks import PAGE, fill

HERE = parse_address("127.0.0.1:7411")


def entries(count):
    return tuple(Entry(key, "#a", "x" * 2000) for key in range(1, count + 1))


def keep(slot, count):
    slot.save(Changes(Session("s1", 1, "token", "ann"), 0, {}, entries(count), ()), cursors=True)


@pytest.mark.parametrize("left", [0, 1, 8, 9])
def test_a_profile_on_a_full_disk_is_told_as_that_and_opens_again_when_there_is_room(small_disk, left):
    slot = open_slot("p", origin_of(HERE), "ann", "login", folder=small_disk)
    keep(slot, 3)
    slot.close()
    filling = fill(small_disk)
    os.truncate(filling, filling.stat().st_size - left * PAGE)
    options = Options(server=HERE, nick="ann", profile="p", folder=small_disk)
    with pytest.raises(ClientError) as problem:
        recall(options)
    assert problem.value.code == "profile-full"
    assert problem.value.text == (
        f"The profile {small_disk / 'p.sqlite'} cannot be written: no space is left on the disk; free some."
        " Nothing was lost; start again then, or keep nothing with --ephemeral."
    )
    filling.unlink()
    slot, remembered = recall(options)
    slot.close()
    assert remembered.outbox == entries(3)


def test_a_disk_that_fills_up_later_is_told_and_what_could_not_be_kept_is_kept_when_there_is_room(small_disk):
    slot = open_slot("p", origin_of(HERE), "ann", "login", folder=small_disk)
    keep(slot, 3)
    filling = fill(small_disk)
    with pytest.raises(ClientError, match="no space is left on the disk; free some") as problem:
        keep(slot, 40)
    assert problem.value.code == "profile-full"
    filling.unlink()
    keep(slot, 40)
    slot.close()
    assert open_slot("p", origin_of(HERE), "ann", "login", folder=small_disk).remembered().outbox == entries(
        40
    )


def test_a_limit_of_files_is_told_as_that(tmp_path):
    """The same as above for those who cannot mount anything: the system says EFBIG."""
    slot = open_slot("p", origin_of(HERE), "ann", "login", folder=tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(ClientError, match="no file may grow that large there; raise"):
            keep(slot, 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    keep(slot, 200)
    slot.close()
