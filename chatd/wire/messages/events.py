"""What comes from a log: its events, and the gap where some are no longer kept."""

from chatd.wire.messages.base import Count, File, Message


class Event(Message, frozen=True, tag="event"):
    """One event of a room's log, the same bytes for everybody, for ever, unless it is removed.

    ``ts`` is the server's time in milliseconds since 1970; ``by`` the nick at that time. A message carries
    the ``session`` and ``n`` it was sent with, a file what was uploaded as well, and its text is a caption.
    Kinds: message, file, edit, react, unreact, pin, unpin, join, leave, topic, nick, announce, decline,
    invite-to, kick, ban, unban, mute, unmute, role, set, mode, tags, delete-room, remove, removed. From
    invite-to on they say to ``whom`` it was done, for what ``reason``, with what ``value``, and whether by an
    ``operator`` of the server; a join says the last, too. ``by`` is ``*`` where the server itself acts.

    The ``value`` of a message is ``notice`` where no program is to answer it, that of a leave ``quit`` where
    a guest has gone for good.

    A message or file with a ``ref`` replies to that event; ``thread`` is the first event of the thread that
    the reply is in. An edit gives the message or the caption in event ``ref`` another ``text``, a react
    (unreact) adds (withdraws) the emoji ``value`` to what ``by`` says of event ``ref``, a pin (unpin) pins it
    (no more).

    ``mentions`` are the nicks of those whom a message, file or edit mentions; ``*`` is everybody in the room.

    A remove erases what the event ``ref`` says, or those in ``refs``. What was erased has the kind removed
    since: who said it when, and of its removal the number in ``ref``, the nick in ``value``, and the reason.

    Where earlier wordings are not kept, a message, file or edit whose wording is another one by now has no
    ``text`` since, and no mentions; ``edited`` is the event by which it has.
    """

    room: str
    seq: Count
    ts: Count
    kind: str
    by: str
    text: str = ""
    session: Count = 0
    n: Count = 0
    file: File | None = None
    whom: str = ""
    reason: str = ""
    value: str = ""
    operator: bool = False
    ref: Count = 0
    refs: tuple[Count, ...] = ()
    thread: Count = 0
    mentions: tuple[str, ...] = ()
    edited: Count = 0


class Gap(Message, frozen=True, tag="gap"):
    """Events ``first`` to ``last`` of ``room`` are no longer kept; the cursor moves to ``last``."""

    room: str
    first: Count
    last: Count
