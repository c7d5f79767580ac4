"""A hook: what posts to a room over HTTP, or is told over HTTP what is said there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chatd.chat.changes.rows import Change, DropHook, DropHookKey, DropHookKeys, PutHook, PutHookKey
from chatd.wire.limits import MAX_HOOK_KEYS


@dataclass(slots=True, eq=False)
class Hook:
    """A hook as it is kept, with the posts that it may repeat, by the digest of their key.

    ``trouble`` is why the last delivery failed, "" if it did not.
    """

    row: PutHook
    keys: dict[bytes, PutHookKey] = field(default_factory=dict)
    trouble: str = ""

    @property
    def posts(self) -> bool:
        """Return whether it posts; else it is told."""
        return not self.row.url


def of_room(hooks: Iterable[Hook], room: int) -> Iterator[Hook]:
    """Yield those of ``hooks`` that are of ``room``, an id."""
    return (hook for hook in hooks if hook.row.room == room)


def dropping(hook: Hook) -> list[Change]:
    """Return what ends ``hook``."""
    return [*([DropHookKeys(hook.row.id)] if hook.keys else []), DropHook(hook.row.id)]


def remembering(hook: Hook, key: bytes, seq: int, ts: int) -> list[Change]:
    """Return what lets ``hook`` repeat the post with ``key``, which became event ``seq``, without effect."""
    over = max(0, len(hook.keys) + 1 - MAX_HOOK_KEYS)
    old = sorted(hook.keys.values(), key=lambda row: row.seq)[:over] if over else []
    return [*(DropHookKey(hook.row.id, row.key) for row in old), PutHookKey(hook.row.id, key, seq, ts)]
