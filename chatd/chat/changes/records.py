"""Records: everything that is kept, except the events."""

from chatd.chat.ages import Ages
from chatd.chat.changes.rows import PutAddressBan, PutErasure, PutInvite, PutTime
from chatd.chat.files import PostedFiles
from chatd.chat.gone import Gone
from chatd.chat.hook import Hook
from chatd.chat.listing import Listing, Order
from chatd.chat.networks import Networks
from chatd.chat.state import Room, Session, User
from chatd.chat.statuses import Statuses
from chatd.chat.twins import Twins


class Records:
    """Everything that is kept, except the events: the outcome of the changes so far.

    ``nicks`` says whose a nick is; a key that an account has for good leads to it although it is called
    differently now; ``nick_order`` has the keys in their order; ``twins`` knows all of these nicks by what
    they look like, ``room_twins`` the names of rooms that are no direct messages, ``listing`` the order of
    these; ``gone`` are what is left of deleted ones, ``acts`` counts the acts of all rooms but the notes of
    who was in a deleted one, ``sweeps`` are the rooms of which many members are being removed. ``invites``
    are by the digest of their code, ``invites_by`` names them by who made them, ``sessions`` are by the
    digest of their token, ``rooms`` by their name, ``uploads`` say when a user last worked on the upload of a
    content, ``time`` is the calendar as it was last kept, ``erasures`` are the accounts all of whose words
    are to go, ``address_bans`` are addresses from which nobody comes in, ``statuses`` what users say of
    themselves. ``hooks`` are by their id, ``hooks_by_digest`` those that post, by the digest of their secret.
    ``scrams`` are what passwords are verified by over SCRAM, by the ids of the accounts, ``metadata`` what
    users and rooms say of themselves, by these and by keys.
    ``untallied`` are the logs of which it is not on the disk which events count, by their ids, each with the
    first of these events.
    """

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.nicks: dict[str, User] = {}
        self.nick_order = Order()
        self.twins: Twins[User] = Twins()
        self.invites: dict[bytes, PutInvite] = {}
        self.invites_by: dict[int, dict[bytes, None]] = {}
        self.sessions: dict[bytes, Session] = {}
        self.sessions_by_id: dict[int, Session] = {}
        self.rooms: dict[str, Room] = {}
        self.rooms_by_id: dict[int, Room] = {}
        self.room_twins: Twins[Room] = Twins()
        self.listing = Listing()
        self.gone = Gone()
        self.acts = 0
        self.sweeps: dict[Room, None] = {}
        self.posted = PostedFiles()
        self.ages = Ages()
        self.uploads: dict[tuple[int, str], int] = {}
        self.time = PutTime(0, 0)
        self.scrams: dict[int, str] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.erasures: dict[int, PutErasure] = {}
        self.hooks: dict[int, Hook] = {}
        self.hooks_by_digest: dict[bytes, Hook] = {}
        self.untallied: dict[int, int] = {}
        self.address_bans: Networks[PutAddressBan] = Networks()
        self.statuses = Statuses()
