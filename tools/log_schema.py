"""Writes etc/chatd.log.schema.json: what a line of the JSON log is, for programs that read it.

    python tools/log_schema.py

Names and meanings are those of chatd.ops.fields, events and their fields those of docs/OPERATIONS.md.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from chatd.ops.fields import FIELDS
from chatd.ops.words import UNLISTED

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "etc" / "chatd.log.schema.json"

INTEGERS: Final = frozenset(
    [
        "bytes_in",
        "bytes_out",
        "connection",
        "connections",
        "count",
        "first",
        "free",
        "freed",
        "last",
        "messages_in",
        "messages_out",
        "offset",
        "process",
        "rooms",
        "seq",
        "seen",
        "session",
        "sessions",
        "size",
        "start",
        "step",
        "suppressed",
        "transfer",
        "uid",
        "uploads",
        "used",
        "wal",
    ]
)
NUMBERS: Final = frozenset({"ahead", "duration", "lag", "rate", "silence"})
BOOLEANS: Final = frozenset({"resumed"})

LEVELS: Final = ("debug", "info", "warn", "error", "critical")
"""The levels, by growing weight."""


def events() -> list[str]:
    """Return the names of the events that docs/OPERATIONS.md explains."""
    manual = (ROOT / "docs" / "OPERATIONS.md").read_text()
    section = manual.partition("\n## Events\n")[2].partition("\n## ")[0]
    return re.findall(r"(?m)^\| `([^`]+)` \|", section)


def schema() -> dict[str, Any]:
    """Return the schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of chatd's log in JSON",
        "type": "object",
        "required": ["time", "level", "event"],
        "properties": {
            "time": {
                "type": "string",
                "format": "date-time",
                "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
                "description": "when it was said, in UTC",
            },
            "level": {"enum": list(LEVELS), "description": "how much it matters"},
            "event": {"enum": sorted(events()), "description": "the stable name of what happened"},
            "text": {"type": "string", "description": "a sentence, where one helps"},
            "traceback": {"type": "string", "description": "where the program was at fault"},
            **{name: {"type": kind(name), "description": FIELDS[name]} for name in sorted(FIELDS)},
        },
        "additionalProperties": {"const": UNLISTED},
    }


def kind(name: str) -> str:
    """Return the type of the field ``name``."""
    for kind, names in (("integer", INTEGERS), ("number", NUMBERS), ("boolean", BOOLEANS)):
        if name in names:
            return kind
    return "string"


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n")
