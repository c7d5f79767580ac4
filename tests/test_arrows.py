"""The folders call each other in the directions of docs/ARCHITECTURE.md only, and the pure ones stay pure."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "chatd"

ARROWS = {
    "wire": set(),
    "webhooks": {"chat", "clock", "ops", "server", "wire"},
    "archiving": {"chat", "clock", "control", "ops", "server", "store"},
    "build": {"chat", "clock", "files", "ops", "server", "webhooks"},
    "chat": {"counters", "files", "search", "wire"},
    "chatctl": {"control", "offline", "ops"},
    "control": {"chat", "clock", "counters", "ops", "server", "tcp", "wire"},
    "counters": set(),
    "search": {"wire"},
    "store": {"chat", "counters", "disk", "search", "wire"},
    "client": {"clock", "disk", "files", "fingerprint", "home", "lan", "secret", "tcp", "wire"},
    "clock": set(),
    "cluster": {"chat", "counters"},
    "daemon": {"tap"},
    "disk": set(),
    "home": set(),
    "lan": set(),
    "files": {"wire"},
    "fingerprint": set(),
    "large_pages": {"clock"},
    "memory": set(),
    "metrics": {"chat", "clock", "counters", "ops", "server", "tcp", "wire"},
    "offline": {
        "chat",
        "clock",
        "control",
        "files",
        "fingerprint",
        "ops",
        "secret",
        "server",
        "store",
        "wire",
    },
    "ops": {"clock", "files", "fingerprint", "lan"},
    "reloading": {"build", "ops", "server"},
    "running": {
        "archiving",
        "build",
        "chat",
        "clock",
        "control",
        "disk",
        "files",
        "metrics",
        "ops",
        "server",
        "store",
        "waking",
    },
    "secret": set(),
    "server": {"chat", "clock", "counters", "files", "fingerprint", "lan", "ops", "tcp", "turns", "wire"},
    "service": {
        "build",
        "chat",
        "clock",
        "control",
        "large_pages",
        "memory",
        "ops",
        "reloading",
        "running",
        "server",
        "succession",
        "turns",
    },
    "succession": {"ops"},
    "tcp": set(),
    "tap": {"ops", "service"},
    "turns": {"clock", "ops"},
    "waking": {"ops"},
    "testing": {
        "build",
        "chat",
        "client",
        "clock",
        "cluster",
        "control",
        "counters",
        "files",
        "ops",
        "search",
        "server",
        "service",
        "store",
        "tcp",
        "webhooks",
        "wire",
    },
}
"""What each folder or module of chatd/ may import of the others."""

IMPURE = {
    "apsw",
    "asyncio",
    "datetime",
    "io",
    "os",
    "pathlib",
    "random",
    "select",
    "selectors",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "twisted",
    "zope",
}
"""What reads a clock, opens something or is Twisted."""

PURE = [
    "wire",
    "chat",
    "client/core",
    "cluster/journal.py",
    "cluster/kinds.py",
    "cluster/records.py",
    "cluster/settling.py",
    "files/incoming.py",
    "files/names.py",
    "files/outgoing.py",
    "files/pace.py",
    "lan/announcement.py",
    "lan/places.py",
    "search",
    "server/announcing.py",
    "server/attempts.py",
    "server/invitation_codes.py",
    "server/liveness.py",
    "webhooks/pace.py",
    "webhooks/signing.py",
    "webhooks/targets.py",
]
"""Modules that are told the time and hand out effects; a pattern may name what does not exist yet."""

MODULES = sorted(ROOT.rglob("*.py"))


def _absolute(module: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = ["chatd", *module.relative_to(ROOT).parts[:-1]]
    return ".".join([*package[: len(package) - node.level + 1], node.module or ""]).rstrip(".")


@cache
def _read(module: Path) -> tuple[list[str], list[str]]:
    """Return the full names of all that ``module`` imports, and of those imported at its top."""
    tree = ast.parse(module.read_text())
    return list(_imports(module, ast.walk(tree))), list(_imports(module, tree.body))


def imports(module: Path) -> list[str]:
    """Return the full names of all that ``module`` imports, at the top or within functions."""
    return _read(module)[0]


def _imports(module: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(module, node)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _folder(name: str) -> str:
    """Return the folder of chatd/ that the imported ``name`` is in, or nothing."""
    parts = name.split(".")
    return parts[1] if parts[0] == "chatd" and len(parts) > 1 and not parts[1].startswith("__") else ""


def _id(module: Path) -> str:
    return str(module.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=_id)
def test_arrows(module):
    home = module.relative_to(ROOT).parts[0].removesuffix(".py")
    if home == "__init__":
        assert not imports(module), "the package itself imports nothing"
        return
    allowed = ARROWS[home] | {home}
    wrong = {name for name in imports(module) if _folder(name) not in allowed | {""}}
    assert not wrong


def test_chat_asks_files_for_names_alone():
    asked = {name for module in (ROOT / "chat").rglob("*.py") for name in imports(module)}
    assert {name.rpartition(".")[0] for name in asked if _folder(name) == "files"} <= {"chatd.files.names"}


def test_chat_knows_no_bytes_of_any_wire():
    """Messages and stored events leave it; codecs at the rim make bytes of them."""
    wires = {f"chatd.wire.{module}" for module in ("frames", "lines", "native", "objects")}
    asked = {name for module in (ROOT / "chat").rglob("*.py") for name in imports(module)}
    assert not {name for name in asked if name in wires or name.rpartition(".")[0] in wires}


def test_kinds_of_connections_are_known_to_the_factory_alone():
    """What all connections share knows no kind of them, and no kind knows another."""
    kinds = {path.parent.name for path in (ROOT / "server").glob("*/protocol.py")}
    assert kinds
    for module in MODULES:
        known = {name.split(".")[2] for name in imports(module) if name.startswith("chatd.server.")} & kinds
        within = module.relative_to(ROOT).parts
        home = within[1] if within[0] == "server" and len(within) > 2 else ""
        assert not known - {home} or module == ROOT / "server" / "factory.py", module


def test_files_of_the_server_know_nothing_around_them():
    """Server, connections and the service use them; they ask the hub, and do not know who is connected."""
    within = ROOT / "server" / "files"
    asked = {name for module in within.glob("*.py") for name in imports(module)}
    around = {name for name in asked if name.startswith("chatd.server.")}
    assert {name for name in around if not name.startswith("chatd.server.files.")} == set()
    assert around


CLIENT = {
    "core": set(),
    "values": {"core"},
    "files": {"core", "values"},
    "net": {"core"},
    "profile": {"core", "values"},
    "": {"core", "files", "net", "profile", "values"},
    "aio": {"", "core", "values"},
    "cli": {"", "core", "files", "net", "profile", "values"},
}
"""What each room of the client may import of the others; "" are the modules beside them."""


def _room(name: str) -> str | None:
    """Return the room of the client that the imported ``name`` is in, None if it is not of the client."""
    parts = name.split(".")
    if parts[:2] != ["chatd", "client"]:
        return None
    return parts[2] if len(parts) > 2 and parts[2] in CLIENT else ""


@pytest.mark.parametrize("module", sorted((ROOT / "client").rglob("*.py")), ids=_id)
def test_arrows_of_the_client(module):
    within = module.relative_to(ROOT / "client").parts
    home = within[0].removesuffix(".py")
    home = home if home in CLIENT else ""
    asked = {_room(name) for name in imports(module)} - {None, home}
    assert asked <= CLIENT[home], asked


def test_the_terminal_asks_the_commands_for_nothing_but_texts():
    within = ROOT / "client" / "cli" / "terminal"
    asked = {name for module in within.glob("*.py") for name in imports(module)}
    around = {name for name in asked if name.startswith("chatd.client")}
    allowed = ("chatd.client.cli.terminal.", "chatd.client.cli.text.")
    assert not {name for name in around if not name.startswith(allowed)}


def _pure() -> list[Path]:
    found = set()
    for pattern in PURE:
        for path in ROOT.glob(pattern):
            found |= set(path.rglob("*.py")) if path.is_dir() else {path}
    return sorted(found)


@pytest.mark.parametrize("module", _pure(), ids=_id)
def test_pure_modules_open_nothing_and_read_no_clock(module):
    assert not {name for name in imports(module) if name.split(".")[0] in IMPURE}


@pytest.mark.parametrize("module", MODULES, ids=_id)
def test_no_module_imports_the_reactor_when_it_is_imported(module):
    assert "twisted.internet.reactor" not in _read(module)[1]


def test_the_plugin_imports_nothing_but_the_service_maker():
    plugin = ROOT.parent / "twisted" / "plugins" / "chatd_plugin.py"
    tree = ast.parse(plugin.read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in froms] == ["from twisted.application.service import ServiceMaker"]
    assert not list(plugin.parent.parent.rglob("__init__.py"))
