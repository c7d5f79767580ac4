"""chatc itself: the options that stand before a command, and the conversation where there is none."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from chatd import __version__
from chatd.client.cli.commands.options import PLAIN
from chatd.client.cli.settings import BELLS, RECENT, Settings
from chatd.client.cli.starting import leave_tls_out
from chatd.wire.limits import PAGE_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatd.client.core.address import Address
    from chatd.client.core.proxy import Proxy


LAN: Final = "lan"
"""What people write for a server that announces itself nearby."""

SENTENCE: Final = 500
"""Characters of the first sentence about a command at the most."""


class _Commands(click.Group):
    """Says in its help, of each command, the whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(SENTENCE)) for name, command in found if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--server",
    metavar="ADDRESS",
    envvar="CHATD_SERVER",
    default="127.0.0.1:7411",
    show_default=True,
    help="HOST[:PORT] or [IPV6]:PORT in plain text (port 7411), tls://HOST[:PORT] (port 7412), "
    "wss://HOST[:PORT][/PATH] for WebSocket (port 443, /ws) or unix:PATH; lan for one that announces itself "
    "nearby; or from $CHATD_SERVER.",
)
@click.option("--nick", metavar="NAME", default="", help="Who to be; the one last used there, by default.")
@click.option("--profile", metavar="NAME", help="Where to remember sessions.  [default: default]")
@click.option("--state", metavar="DIR", help="Where profiles are kept.  [default: from $XDG_STATE_HOME]")
@click.option(
    "--ephemeral", is_flag=True, help="Keep nothing: begin as a newcomer, and forget all at the end."
)
@click.option(
    "--same-as", metavar="ADDRESS", help="This server is the one that you know by ADDRESS: be the same here."
)
@click.option("--ca", metavar="FILE", help="Authorities (PEM) to trust for TLS instead of the system's.")
@click.option(
    "--fingerprint",
    metavar="HEX|WORDS",
    help="What the server's key must have, whoever signed its certificate; kept in the profile, or none.",
)
@click.option(
    "--cert", metavar="FILE", help="Your certificate (PEM): it logs you in where it opens your account."
)
@click.option("--key", metavar="FILE", help="Its key (PEM).  [default: in the same file]")
@click.option(
    "--proxy",
    metavar="URL",
    help="http://, https://, socks5:// or socks5h://[USER:PASSWORD@]HOST:PORT, or none.  "
    "[default: from $HTTPS_PROXY or $ALL_PROXY, and $NO_PROXY]",
)
@click.option(
    "--device-name",
    metavar="NAME",
    help="What your list of sessions calls this device; kept in the profile.",
)
@click.option(
    "--recent",
    type=click.IntRange(0, PAGE_ROWS),
    metavar="N",
    envvar="CHATD_RECENT",
    default=RECENT,
    show_default=True,
    help="Show the last N lines of a room where you begin to talk there; or from $CHATD_RECENT.",
)
@click.option(
    "--bell",
    type=click.Choice(BELLS),
    envvar="CHATD_BELL",
    default="mentions",
    show_default=True,
    help="What the terminal's bell rings for: mentions of you and direct messages, all messages, or nothing; "
    "or from $CHATD_BELL.",
)
@PLAIN
@click.option(
    "--no-typing",
    "unheard",
    is_flag=True,
    envvar="CHATD_NO_TYPING",
    help="Neither tell nor show who types in a conversation.  [env: CHATD_NO_TYPING=1]",
)
@click.version_option(__version__, prog_name="chatc")
@click.pass_context
def chatc(
    context: click.Context,
    server: str,
    nick: str,
    profile: str | None,
    state: str | None,
    ephemeral: bool,
    same_as: str | None,
    ca: str | None,
    fingerprint: str | None,
    cert: str | None,
    key: str | None,
    proxy: str | None,
    device_name: str | None,
    unheard: bool,
    recent: int,
    bell: str,
    strip: bool,
) -> None:
    """Talk in rooms that survive every outage.

    Without a command, chat interactively. A ROOM is #room, or @nick for direct messages (quote it: '#room').
    """
    from chatd.client.core.address import parse_address  # noqa: PLC0415 - --help needs none of it
    from chatd.client.core.problems import ClientError  # noqa: PLC0415
    from chatd.client.net.proxies.choice import choose_proxy  # noqa: PLC0415

    if ephemeral and (profile is not None or state is not None or same_as is not None):
        raise ClientError(
            "bad-options", "--ephemeral keeps nothing; leave --profile and --state out, and --same-as."
        )
    kept, folder = None if ephemeral else profile or "default", None if state is None else Path(state)
    if context.invoked_subcommand == "servers":
        context.obj = (kept, folder)
        return
    proxy_to = partial(choose_proxy, proxy, os.environ)
    if server == LAN:
        address, note = _nearby(kept, folder)
    elif fingerprint or cert or key:  # they are for TLS, which is a way that is named
        address, note = parse_address(server), ""
    else:
        address, note = _settled(server, kept, folder, ca, proxy_to)
    through = proxy_to(address)
    if not address.tls and through is None:
        leave_tls_out()
    from chatd.client.cli.running import complain  # noqa: PLC0415 - it imports Twisted
    from chatd.client.cli.trusting import check_security  # noqa: PLC0415
    from chatd.client.values import Options  # noqa: PLC0415

    if note:
        complain(note)
    fingerprint = check_security(address, ca, fingerprint, cert, key)
    if ephemeral:
        complain(
            "nothing is kept: what is not sent when chatc ends is lost, and nobody can go on as this nick"
        )
    context.obj = Options(
        server=address,
        nick=nick,
        profile=kept,
        profile_named=profile is not None,
        folder=folder,
        same_as=None if same_as is None else parse_address(same_as),
        ca=ca,
        fingerprint=fingerprint,
        cert=cert,
        key=key,
        proxy=through,
        device_name=device_name,
        typing=not unheard and context.invoked_subcommand is None,
    )
    if context.invoked_subcommand is None:
        from chatd.client.cli.interactive import run  # noqa: PLC0415

        context.exit(run(context.obj, Settings(recent=recent, bell=bell), strip=strip))


def _nearby(kept: str | None, folder: Path | None) -> "tuple[Address, str]":
    """Return the address of the server nearby that is meant, and what to say about that."""
    from chatd.client.cli.servers import ask_at_terminal, found_line, look_around, pick  # noqa: PLC0415

    chosen = pick(look_around(kept, folder), ask_at_terminal())
    return chosen.address, found_line(chosen)


def _settled(
    server: str,
    kept: str | None,
    folder: Path | None,
    ca: str | None,
    through: "Callable[[Address], Proxy | None]",
) -> "tuple[Address, str]":
    """Return the address that ``server`` means where no way was named, and what to say about that.

    ``through`` returns the proxy to an address, if there is one.
    """
    from chatd.client.cli.settling import Looks, settle  # noqa: PLC0415 - most name a way
    from chatd.client.net.probe import answers, speaks_web  # noqa: PLC0415
    from chatd.client.profile.places import remembered  # noqa: PLC0415

    looks = Looks(
        answers=lambda address: answers(address, through(address)),
        speaks_web=lambda address: speaks_web(address, ca, through(address), vouched=False),
        vouched=lambda address: speaks_web(address, ca, through(address), vouched=True),
    )
    return settle(server, partial(remembered, kept, folder), looks, asks=os.isatty(0) and os.isatty(2))
