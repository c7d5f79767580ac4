"""What the manuals name exists: commands, options, files, ports and defaults."""

import re
from collections import Counter
from pathlib import Path
from pkgutil import resolve_name

import click
import pytest
from twisted.scripts.twistd import ServerOptions

from chatd.chatctl import main as chatctl
from chatd.client.cli.commands import chatc
from chatd.client.core.address import DEFAULT, PLAIN_PORT, TLS_PORT, parse_address
from chatd.ops.settings import Config
from chatd.tap import Options

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("API", "ARCHITECTURE", "OPERATIONS", "PROTOCOL", "SECURITY", "USERGUIDE")
    ),
    *(ROOT / "etc" / name for name in ("chatd.toml", "chatd.service", "chatd.logrotate", "Containerfile")),
]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=NAMES)

OTHER_PORTS = {
    "9411": "of the page of figures",
    "7480": "for HTTP, in OPERATIONS",
    "7413": "for JSON lines, in OPERATIONS",
    "6667": "IRC's own",
    "6697": "IRC's own, over TLS",
    "6698": "of IRC over WebSocket, in OPERATIONS",
    "7414": "behind the relay of OPERATIONS",
    "7499": "of a server that has moved",
    "50412": "a client's",
    "8888": "an HTTP proxy's",
    "1080": "a SOCKS proxy's",
    "3128": "squid's",
}


def words_of(parser):
    """Return the options of a `twisted.python.usage.Options`."""
    return {f"--{name.rstrip('=')}" for name in parser.longOpt} | {
        f"-{name}" for name in parser.shortOpt if name != ":"
    }


def options_of(command):
    """Return the options of a click command and of those below it."""
    found = {name for param in command.params if isinstance(param, click.Option) for name in param.opts}
    for below in getattr(command, "commands", {}).values():
        found |= options_of(below)
    return found | {"--help", "-h"}


TWISTD = words_of(ServerOptions())
CHATD = words_of(Options())
OPTIONS = {
    "chatc": options_of(chatc),
    "chatctl": options_of(chatctl),
    "chatd": CHATD,
    "twistd": TWISTD | CHATD,
}
COMMANDS = {"chatc": set(chatc.commands), "chatctl": set(chatctl.commands)}


def codes(text):
    """Yield every line of the code blocks of a page, and every span of code in its prose."""
    for place, part in enumerate(re.split(r"(?m)^```.*$", text)):
        if place % 2:
            yield from part.replace("\\\n", " ").splitlines()
        else:
            yield from re.findall(r"`([^`\n]+)`", part)


def calls(text):
    """Yield the calls of our programs in a page, each as its words."""
    for code in codes(text):
        for call in re.split(r"&&|\|\||[|;]", re.sub(r"'[^']*'", "X", code)):
            found = re.match(r"\s*(?:\$ )?(?:\S*/)?(chatc|chatctl|chatd|twistd) (.+)", call.split(" #")[0])
            if found:
                yield found[1], found[2].split()


@EVERY_PAGE
def test_options_and_commands_exist(page):
    for program, words in calls(page.read_text()):
        options = {word.partition("=")[0].rstrip(",") for word in words if re.match(r"--?[a-z]", word)}
        assert options <= OPTIONS[program], (program, words)
        before = [word for word in words if not word.startswith("-")]
        if program in COMMANDS and before and not options and re.fullmatch(r"[a-z-]+", before[0]):
            assert before[0] in COMMANDS[program], (program, words)


FILES = re.compile(r"(?<![\w./-])((?:etc|docs|examples|findings|tests|bench|\.ci)/[\w./-]*\w)")
LINKS = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")


@EVERY_PAGE
def test_files_exist(page):
    text = page.read_text()
    named = [ROOT / name for name in FILES.findall(text)]
    linked = [page.parent / name for name in LINKS.findall(text) if "://" not in name]
    assert [str(path) for path in named + linked if not path.exists() and "NAME" not in path.name] == []


@EVERY_PAGE
def test_modules_exist(page):
    folders = "chat|client|control|files|offline|ops|server|store|testing|wire"
    names = re.findall(rf"`((?:{folders})(?:/\w+)+\.py)`", page.read_text())
    assert [name for name in names if not (ROOT / "chatd" / name).exists()] == []


def test_what_docstrings_name_exists():
    missing = []
    for path in sorted((ROOT / "chatd").rglob("*.py")):
        for name in re.findall(r"`(chatd(?:\.\w+)+)`", path.read_text()):
            try:
                resolve_name(name)
            except (ImportError, AttributeError):
                missing.append((path.name, name))
    assert missing == []


@EVERY_PAGE
def test_headings_that_are_linked_to_exist(page):
    for target, anchor in re.findall(r"\]\(([\w./]*)#([^)]+)\)", page.read_text()):
        there = page if not target else page.parent / target
        heads = re.findall(r"(?m)^#+ (.*)$", there.read_text())
        plain = Counter(re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads)
        again = {f"{name}-{number}" for name, times in plain.items() for number in range(1, times)}
        anchors = again | set(plain)
        assert anchor in anchors, f"{page.name} links to {target}#{anchor}"


@EVERY_PAGE
def test_ports_are_those_of_the_program(page):
    known = {str(PLAIN_PORT), str(TLS_PORT), *OTHER_PORTS}
    for line in codes(page.read_text()) if page.suffix == ".md" else page.read_text().splitlines():
        ports = re.findall(r"(?:tcp6?|ssl|HOST|localhost|[a-z]\.org|\.\d+|bind )\\?:(\d{4,5})\b", line)
        assert set(ports) <= known, line


def test_the_ports_are_told_the_same_everywhere():
    assert (str(parse_address("h")), str(parse_address("tls://h"))) == (f"h:{PLAIN_PORT}", f"h:{TLS_PORT}")
    assert f"tcp:{PLAIN_PORT}:interface=127.0.0.1" == Config().listen[0].endpoint
    assert f"127.0.0.1:{PLAIN_PORT}" == DEFAULT
    (server,) = [param for param in chatc.params if param.name == "server"]
    assert server.default == DEFAULT
    for text in (
        server.help,
        (ROOT / "README.md").read_text(),
        (ROOT / "docs" / "USERGUIDE.md").read_text(),
        (ROOT / "docs" / "OPERATIONS.md").read_text(),
        (ROOT / "docs" / "PROTOCOL.md").read_text(),
        (ROOT / "etc" / "chatd.toml").read_text(),
    ):
        assert str(PLAIN_PORT) in text
        assert str(TLS_PORT) in text
        assert not re.search(rf"ssl:{PLAIN_PORT}|tls://\S+:{PLAIN_PORT}", text)


def test_the_table_of_limits_is_that_of_the_code():
    page = (ROOT / "docs" / "OPERATIONS.md").read_text().partition("\n## Limits\n")[2]
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| ([0-9.]+) \|", page.partition("\n## ")[0]))
    limits = Config().limits
    assert rows == {name: str(getattr(limits, name)) for name in limits.__struct_fields__}


def test_the_list_of_changes_says_each_thing_once_and_begins_a_line_with_it():
    text = (ROOT / "CHANGELOG.md").read_text()
    entries = Counter(" ".join(entry.split()) for entry in re.split(r"^- ", text, flags=re.MULTILINE)[1:])
    assert [entry for entry, count in entries.items() if count > 1] == []
    assert re.findall(r"\S- [A-Z].*", text) == []
