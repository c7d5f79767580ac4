"""The commands by which order is kept in rooms, and those about whose direct messages are taken."""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from chatd.client.cli.about import LISTED, Talk, here, is_number, listed, which_line
from chatd.client.cli.command import Command, Do
from chatd.client.cli.text import ago, clean_line
from chatd.client.cli.times import seconds_in
from chatd.client.core.problems import ClientError
from chatd.wire import messages as m

WIDTH: Final = 60
"""Characters of a word that is shown in a refusal."""

_LIKE_A_TIME: Final = re.compile(r"\d+[a-z]*", re.IGNORECASE)


class Words(NamedTuple):
    """What was written behind a command: whom it concerns, for how many seconds, and the rest."""

    whom: str
    seconds: int
    rest: str


def words(argument: str, *, timed: bool = False) -> Words:
    """Return what ``argument`` says; a time, such as 10min, counts as one where that means something.

    What only looks like a time is refused there: as a reason it would make a ban for ever of one that was
    meant for a while. Raises `ClientError` ``usage``.
    """
    whom, _, rest = argument.strip().partition(" ")
    rest = rest.strip()
    if timed:
        first, _, behind = rest.partition(" ")
        seconds = seconds_in(first)
        if seconds is not None:
            return Words(whom, seconds, behind.strip())
        if _LIKE_A_TIME.fullmatch(first):
            raise ClientError(
                "usage",
                f"Not done: {clean_line(first)[:WIDTH]} is no time; write one like 30s, 10min, 2h or 7d,"
                " or begin the reason with another word.",
            )
    return Words(whom, 0, rest)


def _about(
    name: str, request: Callable[[str, Words], m.Request], *, timed: bool = False, more: bool = False
) -> Do[Talk]:
    """Return what asks the ``request`` that the room and the words behind the command ``name`` make.

    With ``more``, something has to follow the name.
    """

    async def do(talk: Talk, argument: str) -> None:
        said = words(argument, timed=timed)
        if not said.whom or (more and not said.rest):
            raise COMMANDS[name].misused()
        talk.posted(await talk.client.ask(request(here(talk), said)))

    return do


def _invite(room: str, said: Words) -> m.Request:
    return m.InviteTo(id=0, room=room, whom=said.whom, reason=said.rest)


def _kick(room: str, said: Words) -> m.Request:
    return m.Kick(id=0, room=room, whom=said.whom, reason=said.rest)


def _ban(room: str, said: Words) -> m.Request:
    return m.Ban(id=0, room=room, whom=said.whom, reason=said.rest, seconds=said.seconds)


def _unban(room: str, said: Words) -> m.Request:
    return m.Unban(id=0, room=room, whom=said.whom)


def _mute(room: str, said: Words) -> m.Request:
    return m.Mute(id=0, room=room, whom=said.whom, reason=said.rest, seconds=said.seconds)


def _unmute(room: str, said: Words) -> m.Request:
    return m.Unmute(id=0, room=room, whom=said.whom)


def _role(room: str, said: Words) -> m.Request:
    return m.Role(id=0, room=room, whom=said.whom, role=said.rest)


def _set(room: str, said: Words) -> m.Request:
    return m.Set(id=0, room=room, rule=said.whom, value=said.rest)


async def _bans(talk: Talk, _: str) -> None:
    room = here(talk)
    acts: list[m.Act] = []
    while True:
        last = acts[-1] if acts else m.Act(what="", whom="", by="")
        ok = await talk.client.ask(m.Acts(id=0, room=room, what=last.what, after=last.whom))
        acts += ok.acts or []
        if not (ok.more and ok.acts):
            break
    name = clean_line(talk.client.name(room))
    talk.answer(*(map(act_line, acts) if acts else [f"Nobody is banned, muted or invited in {name}."]))


def act_line(act: m.Act) -> str:
    """Return what is told of a ban, a mute or an invitation."""
    term = f", {ago(act.seconds)} left" if act.seconds else ""
    why = f": {clean_line(act.reason)}" if act.reason else ""
    return f"{clean_line(act.what)} {clean_line(act.whom)}, by {clean_line(act.by)}{term}{why}"


async def _delete_room(talk: Talk, argument: str) -> None:
    """Delete a room that is named, so that nobody deletes the current one by a slip."""
    said = words(argument)
    if not said.whom.startswith("#"):
        raise COMMANDS["delete-room"].misused()
    talk.posted(await talk.client.ask(m.DeleteRoom(id=0, room=said.whom, reason=said.rest)))


async def _remove(talk: Talk, argument: str) -> None:
    """Erase what an event says; without a number, list the latest ones with theirs."""
    room = here(talk)
    said = words(argument)
    if not said.whom:
        page = await talk.client.history(room, limit=LISTED)
        lines = [listed(event) for event in page.events if event.kind in {"message", "file", "topic"}]
        which = which_line(COMMANDS["remove"].usage)
        talk.answer(*lines, which if lines else f"Nothing that could be removed was said in {room} lately.")
    elif is_number(said.whom):
        await talk.client.remove(room, int(said.whom), said.rest)
    else:
        raise COMMANDS["remove"].misused()


async def _block(talk: Talk, argument: str) -> None:
    ok = await talk.client.ask(m.Block(id=0, whom=argument.strip()))
    if argument.strip():
        whom = clean_line(argument.strip())
        talk.answer(f"You take no direct messages from {whom} any more, unless they operate the server.")
        return
    names = ", ".join(clean_line(one.nick) for one in ok.members or [])
    talk.answer(f"You take no direct messages from: {names}" if names else "You block nobody.")


async def _decline(talk: Talk, argument: str) -> None:
    if not argument.strip():
        raise COMMANDS["decline"].misused()
    await talk.client.ask(m.Decline(id=0, room=argument.strip()))
    talk.answer(f"You have declined the invitation to {clean_line(argument.strip())}.")


async def _unblock(talk: Talk, argument: str) -> None:
    if not argument.strip():
        raise COMMANDS["unblock"].misused()
    await talk.client.ask(m.Unblock(id=0, whom=argument.strip()))
    talk.answer(f"You take direct messages from {clean_line(argument.strip())} again.")


async def _allow(talk: Talk, argument: str) -> None:
    if not argument.strip():
        raise COMMANDS["allow"].misused()
    await talk.client.ask(m.Allow(id=0, direct=argument.strip()))
    whom = {"shared": "people with whom you share a room"}.get(argument.strip(), argument.strip())
    talk.answer(f"You take direct messages from {clean_line(whom)}.")


COMMANDS: Final[Mapping[str, Command[Talk]]] = {
    "invite": Command(
        "/invite nick [reason]",
        "let somebody enter this room, and tell them",
        _about("invite", _invite),
        changes=True,
    ),
    "decline": Command("/decline #room", "say no to an invitation to a room", _decline, changes=True),
    "kick": Command(
        "/kick nick [reason]", "remove somebody from this room", _about("kick", _kick), changes=True
    ),
    "ban": Command(
        "/ban nick-or-addresses [time] [reason]",
        "keep somebody out of this room; a time is like 10min, 2h or 7d",
        _about("ban", _ban, timed=True),
        changes=True,
    ),
    "unban": Command("/unban nick-or-addresses", "take a ban back", _about("unban", _unban), changes=True),
    "mute": Command(
        "/mute nick [time] [reason]",
        "let somebody read only",
        _about("mute", _mute, timed=True),
        changes=True,
    ),
    "unmute": Command("/unmute nick", "let somebody speak again", _about("unmute", _unmute), changes=True),
    "bans": Command("/bans", "list who is banned, muted or invited", _bans),
    "role": Command(
        "/role nick role",
        "make somebody a member, a moderator or the owner",
        _about("role", _role, more=True),
        changes=True,
    ),
    "set": Command(
        "/set rule value",
        "set kind, history, slow, archived, posting, topic, keep-days or mention-room of this room",
        _about("set", _set, more=True),
        changes=True,
        hint="Rules are kind (public, private, read-only), history (all, since-join), slow (seconds),"
        " posting, topic, mention-room (member, moderator, owner), keep-days (days) and archived (yes, no).",
    ),
    "delete-room": Command(
        "/delete-room #room [reason]",
        "delete a room of yours for good, with all that was said in it",
        _delete_room,
        changes=True,
    ),
    "remove": Command(
        "/remove [number [reason]]",
        "erase what was said, for everybody; without a number, list the latest",
        _remove,
        changes=True,
    ),
    "block": Command(
        "/block [nick]",
        "take no direct messages from somebody; without a nick, list them",
        _block,
        changes=True,
    ),
    "unblock": Command("/unblock nick", "take their direct messages again", _unblock, changes=True),
    "allow": Command(
        "/allow from",
        "take direct messages from everybody, shared (people in your rooms) or nobody",
        _allow,
        changes=True,
    ),
}
