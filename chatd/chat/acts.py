"""Acts: bans, mutes, invitations and what else is kept of people in a room, and whom each concerns.

An act counts until it has ended, whether it was dropped by then or not.
"""

from collections.abc import Iterator
from typing import Final

from chatd.chat.changes.rows import PutAct
from chatd.chat.names import USER_SIGN
from chatd.chat.networks import within
from chatd.chat.state import Asker, Room, User

BAN: Final = "ban"
MUTE: Final = "mute"
INVITE: Final = "invite"
KICK: Final = "kick"
DELETION: Final = "deletion"
"""What an act in a room is: see `chatd.chat.changes.rows.PutAct`.

A kick is kept for those who were not there: their clients would join again by themselves. So is the deletion
of a room, for each of its members."""


_UNITS: Final = ((86_400, "days"), (3600, "hours"), (60, "minutes"))
"""How many seconds a unit of time has."""


def act_of(asker: Asker, room: Room, what: str) -> PutAct | None:
    """Return the act of a kind that concerns ``asker`` in ``room`` and has not ended, or None."""
    return next((act for act in acts_of(room, what, asker.now) if concerns(act, asker)), None)


def acts_of(room: Room, what: str, now: int) -> Iterator[PutAct]:
    """Yield the acts of a kind in ``room`` that have not ended."""
    return (act for act in room.acts.values() if act.what == what and not ended(act, now))


def invitations_of(user: User, now: int) -> list[tuple[Room, PutAct]]:
    """Return the invitations for ``user`` that have not ended, with their rooms."""
    if not user.has("invited"):
        return []
    return [
        (room, act) for room, acts in user.invited.items() for act in acts.values() if not ended(act, now)
    ]


def is_invited(user: User, room: Room, now: int) -> bool:
    """Return whether an invitation of ``user`` to ``room`` has not ended."""
    return any(not ended(act, now) for act in user.invited.get(room, {}).values())


def ended(act: PutAct, now: int) -> bool:
    """Return whether ``act`` has ended."""
    return 0 < act.until <= now


def seconds_left(act: PutAct, now: int) -> int:
    """Return the seconds until ``act`` ends; 0 if it never does."""
    return (act.until - now + 999) // 1000 if act.until else 0


def term_of(act: PutAct, now: int) -> str:
    """Return for how long ``act`` still counts, as a sentence about it goes on; nothing if it is for good."""
    seconds = seconds_left(act, now)
    if not seconds:
        return ""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f" for {-(-seconds // size)} {unit} more"
    return f" for {seconds} second{'' if seconds == 1 else 's'} more"


def concerns(act: PutAct, asker: Asker) -> bool:
    """Return whether ``act`` is about ``asker``: the user, whoever has the nick, or the address."""
    user = asker.user
    if act.user == user.id:
        return True
    if act.whom.startswith(USER_SIGN):
        key = act.whom[1:]
        return act.what in {BAN, MUTE} and (key == user.key or key in user.kept)
    return within(asker.host, act.whom)
