"""Writes docs/PERMISSIONS.md from the table of the code.

python -m tests.chat.permissions_page > docs/PERMISSIONS.md
"""

import sys

from chatd.chat.channel_modes import KeepTags, MarkPeople, MarkRoom
from chatd.chat.comparing import TurnedJoin
from chatd.chat.permissions import ROOMLESS, TABLE, Need
from chatd.chat.rules import Standing

HEAD = """\
# Who may do what

This page is made from the table of `chatd/chat/permissions.py`, which decides; a test compares both.
[PROTOCOL.md](PROTOCOL.md#who-may-do-what) says what the standings are, and what the requests do.

A cell holds the least standing that may make the request in a room of that kind. In an archived room both
cells count, that of its kind and the last one.

| Request | public | private | read-only | direct messages | archived | besides |
|---|---|---|---|---|---|---|
"""

FOOT = """
{roomless} name no room: everybody with a session may make them. A guest is refused `passwd`,
`invite`, `delete-account`, and what is about certificates, with `account-needed`. The only operator
of the server is refused `delete-account` with `not-allowed`.

What the rules of a room add:

- **posting**: the standing that may speak, if it is higher than the one above.
- **muted**: who is muted may not.
- **topic**: the standing that may set the topic, if it is higher than the one above.
- **history**: where newcomers see no history, only members and readers read, and only from their `join` on.
- **reader**: a guest where guests only read. Such a guest joins public and read-only rooms as a reader; a
  `join` to any other name, and all that a reader may not do, is refused with `account-needed`.
- `typing` has no answer: of who may not, nobody is told, and that is all.
- `edit` is for who said it, and nobody else, and for some time only.
- **author**: who is no moderator may do it with what they said themselves, and for some time only.
- **operator**: an operator of the server counts as the owner, also without being a member.

What a refusal says:

| Who asks | Code |
|---|---|
| a stranger | `no-such-room`; of a `join` to a private room `room-taken` |
| a stranger, of direct messages between others | as of a nick that cannot be |
| somebody banned | `banned` |
| a visitor | `not-a-member` |
| anybody, of direct messages | `bad-room` where that cannot be done with them |
| a member, in an archived room | `archived` where nobody may |
| a member | `not-allowed` |
| a member, of what others have said, or said too long ago themselves | `not-allowed` |
| a muted member who speaks or sets the topic | `muted` |
| a member who speaks too soon in a slow room | `slow-mode` |
| anybody whose direct messages are not taken, who sends one or invites | `not-allowed` |
"""


def page() -> str:
    """Return the whole page."""
    kinds = [kind for kind in TABLE if kind not in {TurnedJoin, KeepTags, MarkPeople, MarkRoom}]
    rows = [row(kind.__struct_config__.tag, TABLE[kind]) for kind in kinds]
    names = sorted({f"`{kind.__struct_config__.tag}`" for kind in ROOMLESS})
    return HEAD + "".join(rows) + FOOT.format(roomless=", ".join(names))


def row(tag: str, need: Need) -> str:
    """Return the line about one request."""
    cells = [cell(least) for least in need[:5]]
    rules = {
        "posting": need.speaks,
        "topic": need.titles,
        "muted": need.reacts,
        "history": need.reads,
        "operator": need.acts,
    }
    rules["author"] = need.authors
    besides = ", ".join(name for name, holds in rules.items() if holds)
    return f"| `{tag}` | {' | '.join(cells)} | {besides} |\n"


def cell(least: Standing) -> str:
    """Return what stands for the least standing that a request needs."""
    return least.name.lower()


if __name__ == "__main__":
    sys.stdout.write(page())
