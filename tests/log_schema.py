"""Whether what the code logs is what etc/chatd.log.schema.json says of a line."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from twisted.logger import LogEvent

from chatd.ops.event_lines import json_line
from chatd.ops.log import KEY, Said

SCHEMA = Path(__file__).parents[1] / "etc" / "chatd.log.schema.json"

_seen: set[tuple[object, ...]] = set()


@cache
def validator() -> Draft202012Validator:
    """Return what checks lines."""
    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def faults(events: Iterable[LogEvent]) -> list[str]:
    """Return what is wrong with chatd's own among ``events``; one of a kind is looked at once."""
    found = []
    for event in events:
        said = event.get(KEY)
        if isinstance(said, Said):
            form = (said.name, *((name, type(value)) for name, value in said.fields.items()))
            if form not in _seen:
                _seen.add(form)
                line = json.loads(json_line(event))
                found += [f"{said.name}: {error.message}" for error in validator().iter_errors(line)]
    return found
