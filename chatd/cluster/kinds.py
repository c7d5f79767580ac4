"""Kinds: the number of each change in a record. Numbers are for ever, since streams and snapshots are kept.

A new kind gets the next number. A field that is added to a kind comes last and has a default, so that records
from before can still be read. Either of them needs another `chatd.cluster.records.FORMAT`.
"""

from typing import Any, Final

from chatd.chat.changes import rows
from chatd.chat.changes.rows import Change

KINDS: Final[dict[int, type[Any]]] = {
    1: rows.PutUser,
    2: rows.DropUser,
    3: rows.PutAccount,
    4: rows.PutNick,
    5: rows.PutInvite,
    6: rows.DropInvite,
    7: rows.PutCertificate,
    8: rows.DropCertificate,
    9: rows.PutErasure,
    10: rows.DropErasure,
    11: rows.PutPlace,
    12: rows.DropPlace,
    13: rows.PutSession,
    14: rows.DropSession,
    15: rows.PutRoom,
    16: rows.DropRoom,
    17: rows.PutMember,
    18: rows.DropMember,
    19: rows.PutAct,
    20: rows.DropAct,
    21: rows.PutAddressBan,
    22: rows.DropAddressBan,
    23: rows.PutBlock,
    24: rows.DropBlock,
    25: rows.PutAllow,
    26: rows.DropAllow,
    27: rows.PutStatus,
    28: rows.DropStatus,
    29: rows.PutFile,
    30: rows.DropFile,
    31: rows.DropFiles,
    32: rows.Trim,
    33: rows.Erase,
    34: rows.Reword,
    35: rows.PutEdit,
    36: rows.DropEdit,
    37: rows.DropEdits,
    38: rows.DropEditsBelow,
    39: rows.PutReaction,
    40: rows.DropReaction,
    41: rows.DropReactions,
    42: rows.DropReactionsBelow,
    43: rows.PutReply,
    44: rows.DropReply,
    45: rows.DropRepliesBelow,
    46: rows.PutThread,
    47: rows.DropThread,
    48: rows.DropThreads,
    49: rows.PutPin,
    50: rows.DropPin,
    51: rows.PutTally,
    52: rows.DropTally,
    53: rows.DropTallies,
    54: rows.PutMention,
    55: rows.DropMention,
    56: rows.DropMentions,
    57: rows.PutEmptied,
    58: rows.PutMark,
    59: rows.DropMark,
    60: rows.DropMarks,
    61: rows.PutUpload,
    62: rows.DropUpload,
    63: rows.PutHook,
    64: rows.DropHook,
    65: rows.PutHookKey,
    66: rows.DropHookKey,
    67: rows.DropHookKeys,
    68: rows.PutCursor,
    69: rows.DropCursor,
    70: rows.DropCursors,
    71: rows.DropCursorsBelow,
    72: rows.PutTime,
}
"""The kinds of changes by their numbers."""

NUMBERS: Final[dict[type[Change], int]] = {kind: number for number, kind in KINDS.items()}
"""The numbers of the kinds."""
