"""The page offers what the server lets one do: its table is that of `chatd.chat.permissions`."""

import json
import subprocess
from pathlib import Path

from chatd.chat.permissions import TABLE, needed
from chatd.chat.rules import Kind, Rules, Standing
from chatd.wire import messages as m

OFFERED = {
    "leave": m.Leave,
    "send": m.Send,
    "edit": m.Edit,
    "react": m.React,
    "pin": m.Pin,
    "topic": m.Topic,
    "follow-thread": m.FollowThread,
    "invite-to": m.InviteTo,
    "kick": m.Kick,
    "ban": m.Ban,
    "unban": m.Unban,
    "mute": m.Mute,
    "unmute": m.Unmute,
    "acts": m.Acts,
    "remove": m.Remove,
    "role": m.Role,
    "set": m.Set,
    "delete-room": m.DeleteRoom,
}
KINDS = ["public", "private", "read-only", "direct"]
ROLES = {
    one.name.lower(): one for one in (Standing.READER, Standing.MEMBER, Standing.MODERATOR, Standing.OWNER)
}


def test_what_the_page_offers_is_what_may_be_done():
    asked = json.dumps([list(OFFERED), KINDS])
    script = Path(__file__).with_name("permissions.mjs")
    told = subprocess.run(["node", script, asked], capture_output=True, text=True, check=True).stdout
    found = json.loads(told)
    assert len(found) == len(OFFERED) * len(KINDS) * 2 * len(ROLES)
    for request, kind, archived, role, offered, about in found:
        direct = kind == "direct"
        rules = Rules(kind=Kind.PUBLIC if direct else Kind(kind), archived=archived)
        least = needed(TABLE[OFFERED[request]], direct, rules)
        assert offered == (ROLES[role] >= least), (request, kind, archived, role)
        lower = [one for one in ROLES if ROLES[one] < ROLES[role] and (request, one) != ("role", "reader")]
        assert about == (lower if offered else [])
