"""Rows: the changes that a store keeps, each named by the row that it puts, or drops."""

from typing import Final, NamedTuple

OPERATOR: Final = 1
"""The flag of an account whose owner may do everything everywhere."""

DISABLED: Final = 2
"""The flag of an account that nobody may log in to, nor resume a session of."""

DELETED: Final = 4
"""The flag of an account of which nothing but its nicks is left."""

HOOK: Final = 8
"""The flag of an account that is the name of a hook: nobody logs in to it."""


class PutUser(NamedTuple):
    """A user from now on; ``key`` None frees the nick."""

    id: int
    nick: str
    key: str | None


class DropUser(NamedTuple):
    """A user who is needed no more. The id is never given again."""

    id: int


class PutAccount(NamedTuple):
    """What makes ``user`` an account from now on: see `chatd.chat.accounts`.

    ``password`` is an encoded hash, or nothing: then nobody can log in by one. ``created`` is in milliseconds
    since 1970, or 0. ``invited_by`` is the id of a user, or 0. ``failed`` counts the attempts to log in that
    failed since the last one that succeeded.
    """

    user: int
    password: str = ""
    flags: int = 0
    created: int = 0
    invited_by: int = 0
    failed: int = 0


class PutNick(NamedTuple):
    """A nick's key that belongs to the account ``user`` for good.

    ``shown`` is the form in which it was shown when the user took another nick, or nothing. ``since`` is when
    it became the account's, in milliseconds since 1970, or 0 where that is not known.
    """

    key: str
    user: int
    shown: str = ""
    since: int = 0


class PutInvite(NamedTuple):
    """An invitation to register, known by the ``digest`` of its code.

    It serves ``uses`` times more, and until ``until`` in milliseconds of `chatd.chat.calendar`. ``by`` is the
    id of the user who has made it, or 0 for the operator.
    """

    digest: bytes
    by: int
    uses: int
    until: int


class DropInvite(NamedTuple):
    """An invitation that is used up, has expired, or was taken back."""

    digest: bytes


class PutCertificate(NamedTuple):
    """A certificate that opens the account ``user``, known by the ``fingerprint`` of its key.

    ``name`` is what its owner calls it; ``added`` is in milliseconds since 1970.
    """

    user: int
    fingerprint: str
    name: str
    added: int


class DropCertificate(NamedTuple):
    """A certificate that opens the account no more."""

    user: int
    fingerprint: str


class PutScram(NamedTuple):
    """What the password of the account ``user`` can be verified by over SCRAM: see `chatd.wire.scram`."""

    user: int
    verifier: str


class DropScram(NamedTuple):
    """The account ``user`` is not logged in to by SCRAM any more."""

    user: int


class PutMetadata(NamedTuple):
    """What a user or a room says of itself by ``key``: see `chatd.chat.metadata`."""

    owner: str
    key: str
    value: str


class DropMetadata(NamedTuple):
    """Nothing is said by ``key`` any more."""

    owner: str
    key: str


class PutErasure(NamedTuple):
    """All that the account ``user`` has said is to be erased, from event ``seq`` of the log ``room`` on.

    ``sessions`` are the ids, with blanks between them, of those that it had when that began.
    """

    user: int
    room: int
    seq: int
    sessions: str


class DropErasure(NamedTuple):
    """Nothing is left of what the account ``user`` has said."""

    user: int


class PutPlace(NamedTuple):
    """A network from which the account ``user`` was logged in to, the last time ``at`` by the calendar."""

    user: int
    network: str
    at: int


class DropPlace(NamedTuple):
    """A network that is remembered no longer."""

    user: int
    network: str


class PutSession(NamedTuple):
    """A session from now on; ``seen`` in milliseconds of `chatd.chat.calendar`.

    ``address`` and ``software`` are those of its last connection. The user calls the device ``label``.
    """

    id: int
    user: int
    digest: bytes
    last: int
    seen: int
    address: str = ""
    software: str = ""
    label: str = ""


class DropSession(NamedTuple):
    """A session that has expired."""

    id: int


class PutRoom(NamedTuple):
    """A room from now on. ``first``: see `Log`; ``begun_by``: see `chatd.chat.state.Room`.

    All from ``kind`` on are its rules: see `chatd.chat.rules.Rules`.
    """

    id: int
    name: str
    topic: str
    first: int
    begun_by: int = 0
    kind: str = "public"
    history: str = "all"
    slow: int = 0
    archived: bool = False
    posting: int = 3
    titling: int = 3
    keep_days: int = 0
    calling: int = 4


class DropRoom(NamedTuple):
    """A deleted room of which no event is left, nor anything that is kept for those who were in it."""

    id: int


class PutMember(NamedTuple):
    """A membership, its read mark, its role and its first event: see `chatd.chat.state.Membership`."""

    room: int
    user: int
    read: int
    role: int = 3
    since: int = 0


class DropMember(NamedTuple):
    """A membership that has ended."""

    room: int
    user: int


class PutAct(NamedTuple):
    """A ban, a mute, an invitation or a removal in ``room``, or its deletion: see `chatd.chat.acts`.

    ``what`` is which of them, ``whom`` a nick behind its sign or a range of addresses, ``user`` the id of the
    user who had that nick, or 0. It ends at ``until`` in milliseconds of `chatd.chat.calendar`, or never
    if that is 0. ``by`` is the nick of who did it.
    """

    room: int
    what: str
    whom: str
    user: int
    until: int
    by: str
    reason: str


class DropAct(NamedTuple):
    """An act that was taken back, was used, or has ended."""

    room: int
    what: str
    whom: str


class PutAddressBan(NamedTuple):
    """The ban of the addresses ``network`` from the server: see `chatd.chat.address_bans`.

    It ends at ``until`` in milliseconds of `chatd.chat.calendar`, or never if that is 0. It was made at
    ``since`` in milliseconds since 1970.
    """

    network: str
    until: int
    since: int
    reason: str


class DropAddressBan(NamedTuple):
    """A ban of addresses from the server that was lifted, or has ended."""

    network: str


class PutBlock(NamedTuple):
    """The user ``whom`` may not send direct messages to ``user``."""

    user: int
    whom: int


class DropBlock(NamedTuple):
    """A block that was taken back."""

    user: int
    whom: int


class PutStatus(NamedTuple):
    """``user`` is in ``state``, away or busy, and says ``text`` with it, ``until`` the calendar is there.

    0 is for as long as the user says nothing else.
    """

    user: int
    state: str
    text: str
    until: int


class DropStatus(NamedTuple):
    """``user`` is neither away nor busy."""

    user: int


class PutAllow(NamedTuple):
    """Whose direct messages ``user`` takes: see `chatd.chat.permissions.check_direct`."""

    user: int
    direct: str


class DropAllow(NamedTuple):
    """``user`` takes direct messages from everybody."""

    user: int


class PutFile(NamedTuple):
    """A file that event ``seq`` of ``room`` posts."""

    room: int
    seq: int
    sha256: str
    name: str
    size: int
    media: str


class DropFile(NamedTuple):
    """The file that event ``seq`` of ``room`` has posted: the event was removed."""

    room: int
    seq: int


class DropFiles(NamedTuple):
    """Files that events of ``room`` below ``first`` have posted."""

    room: int
    first: int


class Trim(NamedTuple):
    """Events of ``room`` below ``first`` that need not be kept."""

    room: int
    first: int


class Erase(NamedTuple):
    """The removal of event ``seq`` of ``room`` by event ``by``: ``stored`` is in its place from now on."""

    room: int
    seq: int
    by: int
    stored: bytes


class Reword(Erase):
    """What event ``seq`` says is erased because event ``by`` gives it another wording; else it goes on."""

    __slots__ = ()


class PutEdit(NamedTuple):
    """Event ``by`` of ``room`` edits event ``seq``; the last one is what counts."""

    room: int
    seq: int
    by: int


class DropEdit(NamedTuple):
    """Event ``by`` of ``room``, which edited event ``seq``, was removed."""

    room: int
    seq: int
    by: int


class DropEdits(NamedTuple):
    """The edits of event ``seq`` of ``room``, which was removed."""

    room: int
    seq: int


class DropEditsBelow(NamedTuple):
    """The edits of events of ``room`` below ``first``."""

    room: int
    first: int


class PutReaction(NamedTuple):
    """``user`` has reacted with ``emoji`` to event ``seq`` of ``room``, by event ``by``."""

    room: int
    user: int
    seq: int
    emoji: str
    by: int


class DropReaction(NamedTuple):
    """A reaction that was taken back."""

    room: int
    user: int
    seq: int
    emoji: str


class DropReactions(NamedTuple):
    """The reactions to event ``seq`` of ``room``, which was removed."""

    room: int
    seq: int


class DropReactionsBelow(NamedTuple):
    """The reactions to events of ``room`` below ``first``."""

    room: int
    first: int


Relation = PutEdit | PutReaction | DropReaction
"""What is about one event, and is found on the disk alone once it is durable."""


class PutReply(NamedTuple):
    """Event ``seq`` of ``room`` replies to event ``ref``, in the thread that began with event ``thread``."""

    room: int
    seq: int
    thread: int
    ref: int


class DropReply(NamedTuple):
    """A reply, in the thread that began with event ``thread``, that was removed."""

    room: int
    seq: int
    thread: int


class DropRepliesBelow(NamedTuple):
    """Replies of ``room`` below ``first``."""

    room: int
    first: int


class PutThread(NamedTuple):
    """``user`` follows the thread that began with event ``seq`` of ``room``, or not any more if ``off``.

    They have read it up to event ``read``, and replied in it or read it last ``at`` that time of the
    calendar.
    """

    room: int
    user: int
    seq: int
    read: int
    at: int
    off: bool = False


class DropThread(NamedTuple):
    """Nothing is kept any more of what ``user`` has to do with a thread."""

    room: int
    user: int
    seq: int


class DropThreads(NamedTuple):
    """Threads of ``room`` that began below event ``first``, of which nothing is kept any more."""

    room: int
    first: int


class PutPin(NamedTuple):
    """Event ``seq`` of ``room`` is pinned, by event ``by``."""

    room: int
    seq: int
    by: int


class DropPin(NamedTuple):
    """Event ``seq`` of ``room`` is pinned no more."""

    room: int
    seq: int


class PutTally(NamedTuple):
    """Which events of ``room`` from ``seq`` to ``upto`` count: see `chatd.chat.counting`.

    The lowest bit of the first of the ``bits`` is that of event ``seq``, with which a block begins.
    """

    room: int
    seq: int
    upto: int
    bits: bytes


class DropTally(NamedTuple):
    """What is kept of the block from event ``seq`` of ``room`` on is true no more; the events tell it."""

    room: int
    seq: int


class DropTallies(NamedTuple):
    """Blocks of ``room`` that begin below event ``first``."""

    room: int
    first: int


class PutMention(NamedTuple):
    """Event ``seq`` of ``room`` mentions ``user``, who has not read it: see `chatd.chat.mentioned`."""

    room: int
    user: int
    seq: int


class DropMention(NamedTuple):
    """A mention that was read, withdrawn or removed, or is one of too many."""

    room: int
    user: int
    seq: int


class DropMentions(NamedTuple):
    """Mentions by events of ``room`` below ``first``."""

    room: int
    first: int


class PutEmptied(NamedTuple):
    """The last event of ``room`` when all of them were removed: its number, time and check.

    The log goes on behind it: its times do not go back, and its history can be told from another one.
    """

    room: int
    last: int
    ts: int
    proof: str


class PutMark(NamedTuple):
    """Events of ``room`` up to ``seq`` were there at ``at``; see `chatd.chat.ages`."""

    room: int
    seq: int
    at: int


class DropMark(NamedTuple):
    """A mark that is needed no more."""

    room: int
    seq: int


class DropMarks(NamedTuple):
    """Marks of ``room`` below ``first`` that are needed no more."""

    room: int
    first: int


class PutUpload(NamedTuple):
    """The time, by the calendar, at which ``user`` last worked on the upload ``sha256``, finished or not."""

    user: int
    sha256: str
    at: int


LET_GO: Final = 0
"""The time of an upload that nobody may post any more, as what posted it was removed; no time is so early."""


class DropUpload(NamedTuple):
    """An upload of which nothing is left."""

    user: int
    sha256: str


class PutHook(NamedTuple):
    """A hook called ``name`` of ``room``, made by ``by`` at ``made`` in milliseconds since 1970.

    One that posts does so as ``user``, and is known by the ``digest`` of its secret; one with a ``url`` is
    told there what is said, signed with ``secret``. It was told up to event ``cursor``. ``failing`` is since
    when that fails, in milliseconds of `chatd.chat.calendar`, or 0; if it is ``off``, it was given up.
    """

    id: int
    room: int
    name: str
    user: int
    digest: bytes
    url: str
    secret: str
    by: str
    made: int
    cursor: int = 0
    failing: int = 0
    off: int = 0


class DropHook(NamedTuple):
    """A hook that was taken back, or whose room was deleted."""

    id: int


class PutHookKey(NamedTuple):
    """A post of ``hook`` with a key, known by its digest, has become event ``seq`` at ``ts``."""

    hook: int
    key: bytes
    seq: int
    ts: int


class DropHookKey(NamedTuple):
    """A key that is remembered no longer."""

    hook: int
    key: bytes


class DropHookKeys(NamedTuple):
    """All keys of ``hook``."""

    hook: int


class PutCursor(NamedTuple):
    """The client of ``session`` has events of ``room`` up to ``seq``, where the server keeps that for it."""

    session: int
    room: int
    seq: int


class DropCursor(NamedTuple):
    """A cursor that is kept no longer."""

    session: int
    room: int


class DropCursors(NamedTuple):
    """All cursors of ``session``."""

    session: int


class DropCursorsBelow(NamedTuple):
    """The cursors in ``room`` below event ``seq``."""

    room: int
    seq: int


class PutTime(NamedTuple):
    """The calendar, and the wall clock at the same moment, both in milliseconds."""

    lived: int
    clock: int


Change = (
    PutUser
    | DropUser
    | PutAccount
    | PutNick
    | PutInvite
    | DropInvite
    | PutCertificate
    | DropCertificate
    | PutScram
    | DropScram
    | PutMetadata
    | DropMetadata
    | PutErasure
    | DropErasure
    | PutPlace
    | DropPlace
    | PutSession
    | DropSession
    | PutRoom
    | DropRoom
    | PutMember
    | DropMember
    | PutAct
    | DropAct
    | PutAddressBan
    | DropAddressBan
    | PutBlock
    | DropBlock
    | PutAllow
    | DropAllow
    | PutStatus
    | DropStatus
    | PutFile
    | DropFile
    | DropFiles
    | Trim
    | Erase
    | Reword
    | PutEdit
    | DropEdit
    | DropEdits
    | DropEditsBelow
    | PutReaction
    | DropReaction
    | DropReactions
    | DropReactionsBelow
    | PutReply
    | DropReply
    | DropRepliesBelow
    | PutThread
    | DropThread
    | DropThreads
    | PutPin
    | DropPin
    | PutTally
    | DropTally
    | DropTallies
    | PutMention
    | DropMention
    | DropMentions
    | PutEmptied
    | PutMark
    | DropMark
    | DropMarks
    | PutUpload
    | DropUpload
    | PutHook
    | DropHook
    | PutHookKey
    | DropHookKey
    | DropHookKeys
    | PutCursor
    | DropCursor
    | DropCursors
    | DropCursorsBelow
    | PutTime
)
