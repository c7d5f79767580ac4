"""What chatctl asks the daemon, and what it is answered: one JSON object per line, told apart by ``t``.

A request is answered by any number of `Rows` and then by one `Done` or `Refused`. One request at a time.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Raw, field

from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES
from chatd.wire.messages import Count, Message
from chatd.wire.objects import Alphabet

MAX_LINE: Final = 65_536
"""Bytes of one request at the most."""

Words = Annotated[list[Annotated[str, Meta(max_length=1000)]], Meta(max_length=32)]


class Ask(Message, frozen=True, kw_only=True):
    """A request; everything that answers it names its ``id``."""

    id: Count = 0


class Looked(Ask, frozen=True, kw_only=True):
    """A request for rows; ``where`` are conditions that all have to hold (`chatd.control.where`)."""

    where: Words = field(default_factory=list)


class AskStatus(Ask, frozen=True, kw_only=True, tag="status"):
    """Asks how the daemon is."""


class AskWho(Looked, frozen=True, kw_only=True, tag="who"):
    """Asks who is connected."""


class AskRooms(Looked, frozen=True, kw_only=True, tag="rooms"):
    """Asks which rooms there are."""


Nick = Annotated[str, Meta(max_length=300)]
Name = Annotated[str, Meta(max_length=300)]


class AskUserAdd(Ask, frozen=True, kw_only=True, tag="user-add"):
    """Asks for an account; ``password`` is an encoded hash, empty for none. ``guest`` makes it of a guest.

    ``scram`` is what the password is verified by over SCRAM, where the daemon has that.
    """

    nick: Nick
    password: str = ""
    scram: str = ""
    operator: bool = False
    guest: bool = False


class AskUserPasswd(Ask, frozen=True, kw_only=True, tag="user-passwd"):
    """Asks for another password, as an encoded hash; ``end_sessions`` lets all devices log in again.

    ``scram`` is what it is verified by over SCRAM, where the daemon has that.
    """

    nick: Nick
    password: str
    scram: str = ""
    end_sessions: bool = False


class AskUserDisable(Ask, frozen=True, kw_only=True, tag="user-disable"):
    """Asks that nobody may use an account."""

    nick: Nick


class AskUserEnable(Ask, frozen=True, kw_only=True, tag="user-enable"):
    """Asks that an account may be used again."""

    nick: Nick


class AskUserOperator(Ask, frozen=True, kw_only=True, tag="user-operator"):
    """Asks that an account may do everything everywhere, or no more."""

    nick: Nick
    off: bool = False


class AskUserDelete(Ask, frozen=True, kw_only=True, tag="user-delete"):
    """Asks for the end of an account; with ``erase`` all that it has said goes as well."""

    nick: Nick
    erase: bool = False


class AskUserFind(Ask, frozen=True, kw_only=True, tag="user-find"):
    """Asks whether there is an account."""

    nick: Nick


class AskUserList(Ask, frozen=True, kw_only=True, tag="user-list"):
    """Asks for all accounts."""


class AskUserInvite(Ask, frozen=True, kw_only=True, tag="user-invite"):
    """Asks for a code with which so many accounts can be registered within so many days."""

    uses: Annotated[int, Meta(ge=1, le=MAX_INVITE_USES)] = 1
    days: Annotated[int, Meta(ge=1, le=MAX_INVITE_DAYS)] = 7


class AskCertificateAdd(Ask, frozen=True, kw_only=True, tag="user-certificate-add"):
    """Asks that the certificate with a ``fingerprint``, called ``name``, opens an account."""

    nick: Nick
    fingerprint: Name
    name: Name = ""


class AskCertificateList(Ask, frozen=True, kw_only=True, tag="user-certificate-list"):
    """Asks for the certificates that open an account."""

    nick: Nick


class AskCertificateRemove(Ask, frozen=True, kw_only=True, tag="user-certificate-remove"):
    """Asks that a certificate opens an account no more."""

    nick: Nick
    fingerprint: Name


class AskExplain(Ask, frozen=True, kw_only=True, tag="explain"):
    """Asks for the last connections of a nick, of an address, or with a number."""

    whom: Nick


class AskTrace(Ask, frozen=True, kw_only=True, tag="trace"):
    """Asks what became of event ``seq`` of a room."""

    room: Name
    seq: Count


class AskTail(Looked, frozen=True, kw_only=True, tag="tail"):
    """Asks for lines of the log behind the cursor ``since``; below 0 it is so many of the newest.

    With ``follow`` those that are written from now on come too, until the connection ends. With ``level`` it
    is what is said from now on, from that level on, of one connection or one nick that ``where`` has to name.
    """

    level: Literal["", "debug", "info", "warn", "error", "critical"] = ""
    since: int = -20
    follow: bool = True


AskedUser = (
    AskUserAdd
    | AskUserPasswd
    | AskUserDisable
    | AskUserEnable
    | AskUserOperator
    | AskUserDelete
    | AskUserFind
    | AskUserList
    | AskUserInvite
    | AskCertificateAdd
    | AskCertificateList
    | AskCertificateRemove
)


class AskKick(Ask, frozen=True, kw_only=True, tag="kick"):
    """Asks that ``whom`` goes from a room; without one, that the sessions of a nick or a connection end."""

    whom: Nick
    room: Name = ""
    reason: Name = ""


class AskAppoint(Ask, frozen=True, kw_only=True, tag="appoint"):
    """Asks that a member becomes the owner of a room."""

    whom: Nick
    room: Name


class AskBan(Ask, frozen=True, kw_only=True, tag="ban"):
    """Asks that a nick or a range of addresses is kept out of a room, for ``seconds`` if there are any.

    Without a room, addresses are kept out of the server. Networks larger than a registry hands out are meant
    only with ``force``.
    """

    whom: Nick
    room: Name = ""
    reason: Name = ""
    seconds: Count = 0
    force: bool = False


class AskUnban(Ask, frozen=True, kw_only=True, tag="unban"):
    """Asks for the end of a ban."""

    whom: Nick
    room: Name = ""


class AskBans(Looked, frozen=True, kw_only=True, tag="bans"):
    """Asks which addresses are banned from the server, or who is banned from a room."""

    room: Name = ""


class AskHookAdd(Ask, frozen=True, kw_only=True, tag="hook-add"):
    """Asks for a hook of a room: one that is told at ``url`` what is said there, or one that posts."""

    name: Nick
    room: Name
    url: Name = ""


class AskHookDrop(Ask, frozen=True, kw_only=True, tag="hook-drop"):
    """Asks that a hook is taken back."""

    name: Nick
    room: Name


class AskHooks(Looked, frozen=True, kw_only=True, tag="hooks"):
    """Asks which hooks there are, of all rooms or of one."""

    room: Name = ""


class AskMute(Ask, frozen=True, kw_only=True, tag="mute"):
    """Asks that a member of a room may not speak, for ``seconds`` if there are any."""

    whom: Nick
    room: Name = ""
    reason: Name = ""
    seconds: Count = 0


class AskUnmute(Ask, frozen=True, kw_only=True, tag="unmute"):
    """Asks for the end of that."""

    whom: Nick
    room: Name = ""


class AskAnnounce(Ask, frozen=True, kw_only=True, tag="announce"):
    """Asks that the server speaks, in a room or to everybody who is connected."""

    text: str
    room: Name = ""


class AskLogLevel(Ask, frozen=True, kw_only=True, tag="log-level"):
    """Asks that modules whose names begin so are logged from ``level`` on; "" is as configured."""

    namespace: Name
    level: Literal["", "debug", "info", "warn", "error", "critical"]


class AskDrain(Ask, frozen=True, kw_only=True, tag="drain"):
    """Asks for the daemon's end; clients are asked to come back within ``over`` seconds."""

    over: Annotated[float, Meta(ge=0, le=3600)] | None = None


class AskUpgrade(Ask, frozen=True, kw_only=True, tag="upgrade"):
    """Asks that another process of the program, as it is installed now, takes the daemon's place."""


class AskVacuum(Ask, frozen=True, kw_only=True, tag="vacuum"):
    """Asks that the database gives what is free in it back to the file system, while it serves."""


class AskReload(Ask, frozen=True, kw_only=True, tag="reload"):
    """Asks that the configuration is read again, and all of it is in force, or none."""


Asked = (
    AskStatus
    | AskWho
    | AskRooms
    | AskUserAdd
    | AskUserPasswd
    | AskUserDisable
    | AskUserEnable
    | AskUserOperator
    | AskUserDelete
    | AskUserFind
    | AskUserList
    | AskUserInvite
    | AskCertificateAdd
    | AskCertificateList
    | AskCertificateRemove
    | AskKick
    | AskAppoint
    | AskBan
    | AskBans
    | AskUnban
    | AskHookAdd
    | AskHookDrop
    | AskHooks
    | AskMute
    | AskUnmute
    | AskAnnounce
    | AskLogLevel
    | AskDrain
    | AskReload
    | AskUpgrade
    | AskVacuum
    | AskExplain
    | AskTrace
    | AskTail
)


class Rows(Message, frozen=True, tag="rows"):
    """Some of the rows that answer request ``id``."""

    id: Count
    rows: list[Any]


class RawRows(Message, frozen=True, tag="rows"):
    """The same, as whoever asked reads it: each row still as JSON."""

    id: Count
    rows: list[Raw]


class Done(Message, frozen=True, tag="done"):
    """The end of the answer; ``text`` is a sentence about what was done, if it says anything.

    ``note`` is a sentence about what keeps it from having an effect.
    """

    id: Count
    text: str = ""
    note: str = ""


class Refused(Message, frozen=True, tag="refused"):
    """Why a request is not answered: a sentence for people, a stable ``code`` for programs."""

    id: Count
    code: str
    text: str


read_asked: Final[Alphabet[Asked]] = Alphabet(Asked)
read_answer: Final[Alphabet[RawRows | Done | Refused]] = Alphabet(RawRows | Done | Refused)


class RefusedError(Exception):
    """A request that cannot be answered, with a stable ``code``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
