"""Changes of what stands beside events: files, ages, uploads, banned addresses, the time, what goes."""

from typing import Final

from chatd.chat import files
from chatd.chat.changes.inverses import NOTHING, Applied, Apply, NoteRemoving, Several
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import (
    DropAddressBan,
    DropFile,
    DropFiles,
    DropHook,
    DropHookKey,
    DropHookKeys,
    DropMark,
    DropMarks,
    DropUpload,
    Erase,
    PutAddressBan,
    PutEmptied,
    PutFile,
    PutHook,
    PutHookKey,
    PutMark,
    PutTime,
    PutUpload,
    Reword,
    Trim,
)
from chatd.chat.hook import Hook
from chatd.wire.messages import File


def _put_file(records: Records, row: PutFile) -> Applied:
    room = records.rooms_by_id[row.room]
    records.posted.add(room, row.seq, File(name=row.name, size=row.size, sha256=row.sha256, media=row.media))
    return DropFile(row.room, row.seq)


def _drop_file(records: Records, row: DropFile) -> Applied:
    room = records.rooms_by_id[row.room]
    return files.row(room, row.seq, records.posted.drop(room, row.seq))


def _drop_files(records: Records, row: DropFiles) -> Applied:
    seqs = records.posted.below(records.rooms_by_id[row.room], row.first)
    return Several(tuple(_drop_file(records, DropFile(row.room, seq)) for seq in seqs))


def _put_mark(records: Records, row: PutMark) -> Applied:
    before = records.ages.put(row.room, row.seq, row.at)
    return DropMark(row.room, row.seq) if before is None else row._replace(at=before)


def _drop_mark(records: Records, row: DropMark) -> Applied:
    return PutMark(row.room, row.seq, records.ages.drop(row.room, row.seq))


def _drop_marks(records: Records, row: DropMarks) -> Applied:
    seqs = records.ages.below(row.room, row.first)
    return Several(tuple(_drop_mark(records, DropMark(row.room, seq)) for seq in seqs))


def _put_upload(records: Records, row: PutUpload) -> Applied:
    before = records.uploads.get((row.user, row.sha256))
    records.uploads[row.user, row.sha256] = row.at
    return DropUpload(row.user, row.sha256) if before is None else row._replace(at=before)


def _drop_upload(records: Records, row: DropUpload) -> Applied:
    return PutUpload(*row, records.uploads.pop(row))


def _put_address_ban(records: Records, row: PutAddressBan) -> Applied:
    before = records.address_bans.put(row.network, row)
    return DropAddressBan(row.network) if before is None else before


def _drop_address_ban(records: Records, row: DropAddressBan) -> Applied:
    return records.address_bans.drop(row.network)


def _put_hook(records: Records, row: PutHook) -> Applied:
    hook = records.hooks.get(row.id)
    if hook is not None:
        before, hook.row = hook.row, row
        return before
    _add_hook(records, Hook(row))
    return DropHook(row.id)


def _add_hook(records: Records, hook: Hook) -> None:
    records.hooks[hook.row.id] = hook
    if hook.posts:
        records.hooks_by_digest[hook.row.digest] = hook


def _drop_hook(records: Records, row: DropHook) -> Applied:
    hook = records.hooks.pop(row.id)
    if hook.posts:
        del records.hooks_by_digest[hook.row.digest]
    return hook.row


def _put_hook_key(records: Records, row: PutHookKey) -> Applied:
    records.hooks[row.hook].keys[row.key] = row
    return DropHookKey(row.hook, row.key)


def _drop_hook_key(records: Records, row: DropHookKey) -> Applied:
    return records.hooks[row.hook].keys.pop(row.key)


def _drop_hook_keys(records: Records, row: DropHookKeys) -> Applied:
    hook = records.hooks[row.hook]
    before, hook.keys = tuple(reversed(hook.keys.values())), {}
    return Several(before)


def _put_time(records: Records, row: PutTime) -> Applied:
    before, records.time = records.time, row
    return before


def _trim(records: Records, row: Trim) -> Applied:
    """Nothing: the room's `PutRoom` says what is kept, and memory holds recent events only."""
    del records, row
    return NOTHING


def _erase(records: Records, row: Erase) -> Applied:
    """Note it: the old form is what may be handed out until this is durable (`Log.erase`)."""
    return _note_removing(records, NoteRemoving(row.room, row.seq, row.by))


def _reword(records: Records, row: Reword) -> Applied:
    """Nothing: the old form is what may be handed out until this is durable (`Log.reword`)."""
    del records, row
    return NOTHING


def _note_removing(records: Records, change: NoteRemoving) -> Applied:
    removing = records.rooms_by_id[change.room].log.removing
    before = removing.pop(change.seq, 0)
    if change.by:
        removing[change.seq] = change.by
    return change._replace(by=before)


def _put_emptied(records: Records, row: PutEmptied) -> Applied:
    """Nothing: the log knows its last event while the daemon runs."""
    del records, row
    return NOTHING


UPKEEP: Final[dict[type[Applied], Apply]] = {
    PutFile: _put_file,
    DropFile: _drop_file,
    DropFiles: _drop_files,
    Trim: _trim,
    Erase: _erase,
    Reword: _reword,
    NoteRemoving: _note_removing,
    PutEmptied: _put_emptied,
    PutMark: _put_mark,
    DropMark: _drop_mark,
    DropMarks: _drop_marks,
    PutUpload: _put_upload,
    DropUpload: _drop_upload,
    PutAddressBan: _put_address_ban,
    DropAddressBan: _drop_address_ban,
    PutHook: _put_hook,
    DropHook: _drop_hook,
    PutHookKey: _put_hook_key,
    DropHookKey: _drop_hook_key,
    DropHookKeys: _drop_hook_keys,
    PutTime: _put_time,
}
"""What makes each of these changes."""
