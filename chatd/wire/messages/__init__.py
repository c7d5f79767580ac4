"""Messages: one JSON object each, told apart by its ``t`` (docs/PROTOCOL.md, "Messages").

Two alphabets, one per direction: the hello and requests go to the server, the rest comes from it, and what is
in ``both_ways`` goes both ways. `chatd.wire.native` and `chatd.wire.lines` make bytes of messages, and
messages of bytes. Everybody imports messages from here, whatever module within holds them.
"""

from chatd.wire.messages.accounts import (
    AddCertificate,
    Certificates,
    DeleteAccount,
    DropCertificate,
    End,
    Invite,
    Logout,
    Passwd,
    Register,
    Sessions,
)
from chatd.wire.messages.answers import (
    Act,
    Became,
    CertificateInfo,
    Error,
    Hit,
    Member,
    Ok,
    Quote,
    Reaction,
    RoomInfo,
    SessionInfo,
    StatusInfo,
    ThreadInfo,
)
from chatd.wire.messages.base import (
    Check,
    Count,
    File,
    InviteCode,
    Message,
    NewToken,
    Page,
    Password,
    Seconds,
    Trail,
    Transfer,
)
from chatd.wire.messages.both_ways import Cancel, Goodbye, Ping, Pong, Progress, Typing
from chatd.wire.messages.events import Event, Gap
from chatd.wire.messages.greeting import Hello, Limits, Pulse, RoomState, Welcome
from chatd.wire.messages.hooks import AddHook, DropHook, HookInfo, Hooks
from chatd.wire.messages.moderation import (
    Acts,
    Allow,
    Ban,
    Block,
    Decline,
    DeleteRoom,
    InviteTo,
    Kick,
    Mute,
    Remove,
    Role,
    Set,
    Unban,
    Unblock,
    Unmute,
)
from chatd.wire.messages.notices import (
    Announcement,
    Following,
    Invited,
    Left,
    Presence,
    Rooms,
    ThreadState,
    Unread,
)
from chatd.wire.messages.requests import (
    Download,
    Edit,
    FollowThread,
    History,
    Join,
    Leave,
    ListRooms,
    Look,
    Members,
    Nick,
    Numbered,
    Pin,
    Pins,
    React,
    Read,
    Request,
    Search,
    Send,
    SetStatus,
    Threads,
    Topic,
    Upload,
)

__all__ = [
    "Act",
    "Acts",
    "AddCertificate",
    "AddHook",
    "Allow",
    "Announcement",
    "Ban",
    "Became",
    "Block",
    "Cancel",
    "CertificateInfo",
    "Certificates",
    "Check",
    "Count",
    "Decline",
    "DeleteAccount",
    "DeleteRoom",
    "Download",
    "DropCertificate",
    "DropHook",
    "Edit",
    "End",
    "Error",
    "Event",
    "File",
    "FollowThread",
    "Following",
    "FromServer",
    "Gap",
    "Goodbye",
    "Hello",
    "History",
    "Hit",
    "HookInfo",
    "Hooks",
    "Invite",
    "InviteCode",
    "InviteTo",
    "Invited",
    "Join",
    "Kick",
    "Leave",
    "Left",
    "Limits",
    "ListRooms",
    "Logout",
    "Look",
    "Member",
    "Members",
    "Message",
    "Mute",
    "NewToken",
    "Nick",
    "Numbered",
    "Ok",
    "Page",
    "Passwd",
    "Password",
    "Pin",
    "Ping",
    "Pins",
    "Pong",
    "Presence",
    "Progress",
    "Pulse",
    "Quote",
    "React",
    "Reaction",
    "Read",
    "Register",
    "Remove",
    "Request",
    "Role",
    "RoomInfo",
    "RoomState",
    "Rooms",
    "Search",
    "Seconds",
    "Send",
    "SessionInfo",
    "Sessions",
    "Set",
    "SetStatus",
    "StatusInfo",
    "ThreadInfo",
    "ThreadState",
    "Threads",
    "ToServer",
    "Topic",
    "Trail",
    "Transfer",
    "Typing",
    "Unban",
    "Unblock",
    "Unmute",
    "Unread",
    "Upload",
    "Welcome",
]

ToServer = (
    Hello
    | Send
    | Edit
    | React
    | Pin
    | Pins
    | FollowThread
    | Threads
    | Join
    | Leave
    | Topic
    | Nick
    | Read
    | SetStatus
    | ListRooms
    | Members
    | History
    | Look
    | Search
    | Upload
    | Download
    | InviteTo
    | Decline
    | Kick
    | Ban
    | Unban
    | Mute
    | Unmute
    | Acts
    | AddHook
    | DropHook
    | Hooks
    | Role
    | Set
    | Remove
    | DeleteRoom
    | Block
    | Unblock
    | Allow
    | Register
    | Passwd
    | Sessions
    | End
    | Logout
    | DeleteAccount
    | Invite
    | Certificates
    | AddCertificate
    | DropCertificate
    | Typing
    | Progress
    | Cancel
    | Goodbye
)
FromServer = (
    Welcome
    | Rooms
    | Unread
    | Following
    | Left
    | Invited
    | Announcement
    | Event
    | Gap
    | Presence
    | Ok
    | Error
    | Typing
    | Progress
    | Cancel
    | Goodbye
)
