"""Succession: who owns a room when its owner goes."""

from collections.abc import Callable

from chatd.chat.rules import Kind, Standing
from chatd.chat.state import Room, User
from chatd.chat.world import World


def succeed(world: World, room: Room, owner: User, now: int) -> None:
    """Give ``room``, which ``owner`` owned until now, another owner, with an event that tells of it.

    That is the moderator who has been a member for longest, else the member with an account who has. If there
    is neither, the operator is told, who may appoint somebody.
    """
    if room.direct or room.rules.kind == Kind.DELETED or not room.members:
        return
    heir = _heir(room, Standing.MODERATOR, lambda _: True) or _heir(
        room, Standing.MEMBER, lambda user: user.account is not None
    )
    if heir is None:
        world.tell_ownerless(room.name)
        return
    world.change(room.member_row(heir)._replace(role=Standing.OWNER))
    world.post(room, "role", owner.nick, now, whom=heir.nick, value="owner", reason="the owner has left")


def _heir(room: Room, role: Standing, may: Callable[[User], bool]) -> User | None:
    """Return the member of ``role`` who has been one for longest, of those who ``may``."""
    found = [
        (member.since, user.id, user)
        for user, member in room.members.items()
        if member.role == role and not user.disabled and may(user)
    ]
    return min(found, default=(0, 0, None), key=lambda one: one[:2])[2]
