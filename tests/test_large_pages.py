"""What the program is made of is put into large pages, and stays what it is."""

import ctypes
import mmap
import os
import sys

import pytest
from twisted.internet.task import Clock

from chatd import large_pages
from chatd.large_pages import AFTER, MOST, SIZE, LargePages, chosen, collapse

MAPS = f"""\
{0x400000:x}-{0x500000:x} r-xp 00000000 fe:00 1234 /usr/bin/python3.11
{SIZE - 4096:x}-{4 * SIZE + 4096:x} rw-p 00000000 00:00 0 [heap]
{0x7F0000001000:x}-{0x7F0000002000:x} rw-p 00000000 00:00 0
{10 * SIZE:x}-{11 * SIZE - 4096:x} rw-p 00000000 00:00 0
{20 * SIZE:x}-{22 * SIZE:x} rw-p 00000000 00:00 0
{30 * SIZE + 1:x}-{33 * SIZE:x} rw-p 00000000 00:00 0
{40 * SIZE:x}-{42 * SIZE:x} rw-p 00001000 fe:00 77 /var/lib/a file with blanks
{50 * SIZE:x}-{52 * SIZE:x} ---p 00000000 00:00 0
{60 * SIZE:x}-{62 * SIZE:x} rw-p 00000000 00:00 0 [stack]
{70 * SIZE:x}-{72 * SIZE:x} rw-s 00000000 00:00 0
"""


def test_whole_pages_of_private_memory_are_chosen_what_was_there_first_before_all():
    assert [place // SIZE for place in chosen(MAPS.splitlines())] == [1, 2, 3, 32, 31, 21, 20]


def test_no_more_than_so_many_are_chosen():
    huge = f"{SIZE:x}-{SIZE * 5000:x} rw-p 00000000 00:00 0"
    found = list(chosen([huge, huge + " [heap]"]))
    most = MOST // SIZE
    assert found == [SIZE * n for n in range(1, most + 1)] + [SIZE * n for n in range(4999, 4999 - most, -1)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc/self/maps")
def test_nothing_in_memory_is_changed_by_it():
    held = mmap.mmap(-1, 3 * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for place in range(0, 3 * SIZE, 4096):
        held[place : place + 8] = place.to_bytes(8, "big")
    collapse()
    assert all(held[place : place + 8] == place.to_bytes(8, "big") for place in range(0, 3 * SIZE, 4096))
    held.close()


@pytest.mark.parametrize("why", ["no such system", "no such function"])
def test_a_system_that_has_no_such_thing_is_left_alone(monkeypatch, tmp_path, why):
    if why == "no such system":
        monkeypatch.setattr(large_pages, "_MAPS", tmp_path / "none")
    else:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    collapse()


def test_it_is_done_once_and_a_moment_later(monkeypatch):
    begun = []
    monkeypatch.setattr(LargePages, "_begin", lambda _: begun.append(os.getpid()))
    clock = Clock()
    pages = LargePages(clock)
    pages.stop()
    pages.start()
    assert not begun
    clock.advance(AFTER)
    assert len(begun) == 1
    pages.stop()
    pages.start()
    pages.stop()
    clock.advance(2 * AFTER)
    assert len(begun) == 1
