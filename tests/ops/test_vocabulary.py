"""Every event that the code says, and every field with it, is explained to operators."""

import ast
import re
from pathlib import Path

import pytest

from chatd.ops.allowance import PER_MINUTE, RESERVE
from chatd.ops.fields import FIELDS
from chatd.server.files.transfer import Facts
from chatd.wire.errors import EXPLANATIONS, CloseReason

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "OPERATIONS.md").read_text()
LEVELS = {"debug", "info", "warn", "error", "failure"}
SAYS = re.compile(rf"\blog\.({'|'.join(LEVELS)})\(|\bsay\(")
SHARED = {"facts": Facts.__annotations__}


def _says(call):
    """Return whether ``call`` is one to a `chatd.ops.log.Log`: ``log.info(…)`` or ``say(…)``."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="log"), attr=attribute):
            return attribute in LEVELS
        case ast.Name(id="say"):
            return True
    return False


def _fields(call):
    """Return the fields of ``call``; ``**….facts`` are those that a transfer's lines share."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        else:
            assert isinstance(keyword.value, ast.Attribute), "fields are named, or shared ones"
            yield from SHARED[keyword.value.attr]


def _said():
    for path in (ROOT / "chatd").rglob("*.py"):
        if "client" in path.parts:  # it has no log of this kind
            continue
        source = path.read_text()
        if not SAYS.search(source):  # to parse them all takes as long as all other imports of the tests
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and _says(node):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield pytest.param(node.args[0], list(_fields(node)), id=place)


def _rows(heading):
    """Return the first cell of each row of the table under ``heading`` in the manual, with its row."""
    section = MANUAL.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {match[1]: match[0] for match in re.finditer(r"(?m)^\| `([^`]+)` \|.*$", section)}


@pytest.mark.parametrize(("name", "fields"), list(_said()))
def test_what_is_said_is_explained(name, fields):
    assert isinstance(name, ast.Constant), "an event's name is a constant"
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name.value)
    row = _rows("Events").get(name.value)
    assert row, f"{name.value} is missing in docs/OPERATIONS.md, Events"
    for field in fields:
        assert field in FIELDS, f"{field} is missing in chatd/ops/fields.py"
        assert f"`{field}`" in row, f"{field} is missing in the row of {name.value}"


def test_every_field_is_explained():
    assert set(_rows("Fields")) == set(FIELDS)
    for name, meaning in FIELDS.items():
        assert meaning in _rows("Fields")[name]


def test_every_end_has_its_reason():
    assert set(_rows("End reasons")) == {str(reason) for reason in CloseReason}
    for reason, meaning in EXPLANATIONS.items():
        assert meaning in _rows("End reasons")[reason]


def test_the_figure_of_what_strangers_can_have_written_is_that_of_its_kinds():
    section = MANUAL.split("### How much it writes\n", 1)[1].split("\n## ", 1)[0]
    named = section[section.index("A\nstranger") : section.index("Together")]
    rows = _rows("Events")
    transfers = [name for name in rows if re.match("(up|down)load-(began|resumed|ended)$", name)]
    kinds = [name for name in re.findall(r"`([a-z-]+)`", named) if name != "info"] + transfers
    assert set(kinds) <= set(rows)
    assert f"{len(kinds) * PER_MINUTE / (1 << 20):.1f} MiB a minute" in section
    assert f"after {len(kinds) * RESERVE >> 20} MiB at once" in section
    warned = [name for name in kinds if re.search(r"\| (warn|error) \|", rows[name])]
    assert f"it is {len(warned) * PER_MINUTE >> 10} KiB a minute" in section
    by_hand = {"client-in", "client-out", "reaped", "refused", "accept-failed", "stalled", "login-failed"}
    assert by_hand <= set(kinds), "what somebody without an account can cause"
