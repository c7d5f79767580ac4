"""The one table of what can be asked over the control socket: who may, and what answers it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from chatd.control import banning, changing, explaining, hooks, looking, status, tailing, vacuuming
from chatd.control import messages as m
from chatd.control.access import Role
from chatd.control.context import Context
from chatd.control.stream import Stream

Answerer = Callable[[Context, Stream, Any], Awaitable[str | None]]
"""Hands rows to the stream; what it returns is the sentence about what was done."""


class Handling(NamedTuple):
    """What answers a request, and the least role that may ask it."""

    role: Role
    answer: Answerer


REQUESTS: Final[dict[type, Handling]] = {
    m.AskStatus: Handling(Role.LOOK, status.status),
    m.AskWho: Handling(Role.LOOK, looking.who),
    m.AskRooms: Handling(Role.LOOK, looking.rooms),
    m.AskExplain: Handling(Role.LOOK, explaining.explain),
    m.AskTrace: Handling(Role.LOOK, explaining.trace),
    m.AskTail: Handling(Role.LOOK, tailing.tail),
    m.AskUserList: Handling(Role.LOOK, changing.user),
    m.AskUserFind: Handling(Role.LOOK, changing.user),
    m.AskUserAdd: Handling(Role.CHANGE, changing.user),
    m.AskUserPasswd: Handling(Role.CHANGE, changing.user),
    m.AskUserDisable: Handling(Role.CHANGE, changing.user),
    m.AskUserEnable: Handling(Role.CHANGE, changing.user),
    m.AskUserOperator: Handling(Role.CHANGE, changing.user),
    m.AskUserDelete: Handling(Role.CHANGE, changing.user),
    m.AskUserInvite: Handling(Role.CHANGE, changing.user),
    m.AskCertificateList: Handling(Role.LOOK, changing.user),
    m.AskCertificateAdd: Handling(Role.CHANGE, changing.user),
    m.AskCertificateRemove: Handling(Role.CHANGE, changing.user),
    m.AskKick: Handling(Role.CHANGE, changing.kick),
    m.AskAppoint: Handling(Role.CHANGE, changing.appoint),
    m.AskBan: Handling(Role.CHANGE, banning.ban),
    m.AskBans: Handling(Role.LOOK, banning.bans),
    m.AskUnban: Handling(Role.CHANGE, banning.unban),
    m.AskHookAdd: Handling(Role.CHANGE, hooks.add),
    m.AskHookDrop: Handling(Role.CHANGE, hooks.drop),
    m.AskHooks: Handling(Role.LOOK, hooks.hooks),
    m.AskMute: Handling(Role.CHANGE, changing.mute),
    m.AskUnmute: Handling(Role.CHANGE, changing.unmute),
    m.AskAnnounce: Handling(Role.CHANGE, changing.announce),
    m.AskLogLevel: Handling(Role.CHANGE, changing.log_level),
    m.AskDrain: Handling(Role.CHANGE, changing.drain),
    m.AskReload: Handling(Role.CHANGE, changing.reload),
    m.AskUpgrade: Handling(Role.CHANGE, changing.upgrade),
    m.AskVacuum: Handling(Role.CHANGE, vacuuming.vacuum),
}
