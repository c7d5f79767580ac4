"""Metadata: what users and rooms say of themselves by keys, such as a picture's address or a colour.

Chat does not look at it: it is for programs that know the keys. It goes with the user or the room.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chatd.chat.changes.rows import DropMetadata, PutMetadata
from chatd.chat.state import Room, User

if TYPE_CHECKING:
    from chatd.chat.world import World


def of(world: "World", owner: User | Room) -> Mapping[str, str]:
    """Return what ``owner`` says of itself, by its keys."""
    return world.metadata.get(_name(owner), {})


def put(world: "World", owner: User | Room, key: str, value: str) -> None:
    """Have ``owner`` say ``value`` by ``key``, or nothing."""
    known = of(world, owner).get(key, "")
    if value and value != known:
        world.change(PutMetadata(_name(owner), key, value))
    elif known and not value:
        world.change(DropMetadata(_name(owner), key))


def clear(world: "World", owner: User | Room) -> list[str]:
    """Have ``owner`` say nothing of itself; return the keys by which it did."""
    keys = list(of(world, owner))
    for key in keys:
        put(world, owner, key, "")
    return keys


def _name(owner: User | Room) -> str:
    return f"r{owner.log.id}" if isinstance(owner, Room) else f"u{owner.id}"
