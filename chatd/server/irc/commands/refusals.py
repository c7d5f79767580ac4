"""Refusals: what a refusal of the hub is on IRC, by its code."""

from typing import Final

from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.wire.errors import Code
from chatd.wire.messages import Error

OF_CHANNELS: Final[dict[str, n.Numeric]] = {
    Code.NO_SUCH_ROOM: n.NOSUCHCHANNEL,
    Code.BAD_ROOM: n.BADCHANMASK,
    Code.ROOM_TAKEN: n.INVITEONLYCHAN,
    Code.NO_MORE_ROOMS: n.TOOMANYCHANNELS,
    Code.TOO_MANY_ROOMS: n.TOOMANYCHANNELS,
    Code.NOT_A_MEMBER: n.NOTONCHANNEL,
    Code.NOT_ALLOWED: n.CHANOPRIVSNEEDED,
    Code.BANNED: n.BANNEDFROMCHAN,
    Code.KEY_NEEDED: n.BADCHANNELKEY,
    Code.ROOM_FULL: n.CHANNELISFULL,
    Code.TOO_MANY_ACTS: n.BANLISTFULL,
}
"""Of what is asked about a channel; everything else is said in a NOTICE."""

OF_SPEAKING: Final = frozenset(
    {Code.NOT_A_MEMBER, Code.NOT_ALLOWED, Code.BANNED, Code.MUTED, Code.SLOW_MODE, Code.ARCHIVED}
    | {
        Code.ACCOUNT_NEEDED,
        Code.TEXT_TOO_LONG,
        Code.CONTROL_CHARACTER,
        Code.TOO_FAST,
        Code.STORAGE_UNAVAILABLE,
    }
    | {Code.TOO_MANY_DIRECT}
)
"""Because of which a message was not sent (404)."""

OF_NICKS: Final[dict[str, n.Numeric]] = {
    Code.NO_SUCH_USER: n.NOSUCHNICK,
    Code.BAD_NICK: n.NOSUCHNICK,
}
"""Of what is asked about somebody."""


def about(client: Client, command: str, channel: str, error: Error, nick: str = "") -> None:
    """Say why ``command`` about ``channel``, and maybe ``nick``, was refused."""
    if nick and error.code in OF_NICKS:
        client.numeric(OF_NICKS[error.code], nick)
    elif error.code in OF_CHANNELS:
        client.numeric(OF_CHANNELS[error.code], channel, text=error.text)
    else:
        client.fail(command, error.code.replace("-", "_").upper(), channel, text=error.text)


def speaking(client: Client, target: str, error: Error, *, notice: bool) -> None:
    """Say why a message to ``target`` was not sent. Of a NOTICE nobody is told, so that no programs talk."""
    if notice:
        return
    if error.code in OF_NICKS:
        client.numeric(n.NOSUCHNICK, target)
    elif error.code in {Code.NO_SUCH_ROOM, Code.BAD_ROOM}:
        client.numeric(n.NOSUCHCHANNEL, target)
    elif error.code == Code.EMPTY_TEXT:
        client.numeric(n.NOTEXTTOSEND)
    elif error.code in OF_SPEAKING:
        client.numeric(n.CANNOTSENDTOCHAN, target, text=error.text)
    else:
        client.fail("PRIVMSG", error.code.replace("-", "_").upper(), target, text=error.text)
