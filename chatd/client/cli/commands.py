"""chatc's command line: options and commands, each importing what it needs only when it runs."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chatd import __version__
from chatd.client.cli.settings import BELLS, RECENT, Settings
from chatd.client.cli.starting import leave_tls_out
from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES, PAGE_ROWS

if TYPE_CHECKING:
    from chatd.client.values import Options

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON lines, for programs.")
_VERBOSE = click.option("--verbose", "-v", is_flag=True, help="Tell of every try to connect.")

_PLAIN = click.option(
    "--plain", "strip", is_flag=True, help="Take colours and other control characters out of what is sent."
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--server",
    metavar="ADDRESS",
    envvar="CHATD_SERVER",
    default="127.0.0.1:7411",
    show_default=True,
    help="HOST[:PORT] or [IPV6]:PORT in plain text (port 7411), tls://HOST[:PORT] (port 7412), "
    "wss://HOST[:PORT][/PATH] for WebSocket (port 443, /ws) or unix:PATH; or from $CHATD_SERVER.",
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
@_PLAIN
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

    address = parse_address(server)
    through = choose_proxy(proxy, os.environ, address)
    note = ""
    if through is None and not (fingerprint or cert or key):
        from chatd.client.cli.settling import settle  # noqa: PLC0415
        from chatd.client.net.probe import answers, shakes_hands  # noqa: PLC0415
        from chatd.client.profile.places import knows  # noqa: PLC0415

        kept = None if ephemeral else profile or "default"
        known = partial(knows, kept, None if state is None else Path(state))
        address, note = settle(server, known, answers, partial(shakes_hands, ca=ca))
    if not address.tls and through is None:
        leave_tls_out()
    from chatd.client.cli.running import complain  # noqa: PLC0415 - it imports Twisted
    from chatd.client.values import Options  # noqa: PLC0415

    if note:
        complain(note)
    if ephemeral and (profile is not None or state is not None or same_as is not None):
        raise ClientError(
            "bad-options", "--ephemeral keeps nothing; leave --profile and --state out, and --same-as."
        )
    from chatd.client.cli.trusting import check_security  # noqa: PLC0415

    fingerprint = check_security(address, ca, fingerprint, cert, key)
    if ephemeral:
        complain(
            "nothing is kept: what is not sent when chatc ends is lost, and nobody can go on as this nick"
        )
    context.obj = Options(
        server=address,
        nick=nick,
        profile=None if ephemeral else profile or "default",
        profile_named=profile is not None,
        folder=None if state is None else Path(state),
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


@chatc.command()
@click.argument("room")
@click.argument("text", nargs=-1)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Give up after S seconds.")
@click.option("--verbose", "-v", is_flag=True, help="Tell about the connection, and how many were sent.")
@_PLAIN
@click.pass_context
def send(
    context: click.Context,
    room: str,
    text: tuple[str, ...],
    timeout: float | None,
    verbose: bool,
    strip: bool,
) -> None:
    """Send TEXT, or every line of standard input; succeed when all is safe on the server's disk."""
    from chatd.client.cli.send import run  # noqa: PLC0415

    words = " ".join(text) if text else None
    strip = strip or _strips(context)
    context.exit(run(_options(context, room), room, words, timeout=timeout, verbose=verbose, strip=strip))


@chatc.command()
@click.argument("rooms", nargs=-1, required=True)
@_AS_JSON
@click.option("--since", metavar="SEQ|CURSOR", help="Begin behind that event; 0 for all.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N messages.")
@_VERBOSE
@click.pass_context
def tail(
    context: click.Context,
    rooms: tuple[str, ...],
    as_json: bool,
    since: str | None,
    count: int | None,
    verbose: bool,
) -> None:
    """Print what is said in ROOMS from now on."""
    from chatd.client.cli.tail import run  # noqa: PLC0415

    options = _options(context, *rooms)
    context.exit(run(options, rooms, as_json=as_json, since=since, count=count, verbose=verbose))


@chatc.command()
@click.argument("rooms", nargs=-1, required=True)
@_AS_JSON
@_PLAIN
@_VERBOSE
@click.pass_context
def talk(context: click.Context, rooms: tuple[str, ...], as_json: bool, strip: bool, verbose: bool) -> None:
    """Send the lines of standard input to the first of ROOMS; print what is said in all of them."""
    from chatd.client.cli.talk import run  # noqa: PLC0415

    strip = strip or _strips(context)
    context.exit(run(_options(context, *rooms), rooms, as_json=as_json, strip=strip, verbose=verbose))


@chatc.command()
@click.argument("room")
@click.option("--before", type=click.IntRange(min=1), metavar="SEQ", help="Only events before SEQ.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many."
)
@_AS_JSON
@click.pass_context
def history(context: click.Context, room: str, before: int | None, limit: int, as_json: bool) -> None:
    """Print the latest events of ROOM."""
    from chatd.client.cli.ask import run_history  # noqa: PLC0415

    context.exit(run_history(_options(context, room), room, before, limit, as_json=as_json))


@chatc.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--in", "room", metavar="ROOM", default="", help="Only in ROOM; without it, in all of yours.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many."
)
@_AS_JSON
@click.pass_context
def search(context: click.Context, query: tuple[str, ...], room: str, limit: int, as_json: bool) -> None:
    """Print the latest messages that QUERY finds.

    QUERY is words, "phrases", from:NICK, in:#ROOM, before:DATE, after:DATE, has:file and has:link.
    """
    from chatd.client.cli.ask import run_search  # noqa: PLC0415

    options = _options(context, *([room] if room else []))
    context.exit(run_search(options, " ".join(query), room, limit, as_json=as_json))


_FOR = click.option("--for", "time", metavar="TIME", help="For how long, such as 30min, 2h or 7d.")


@chatc.command()
@click.argument("text", nargs=-1)
@_FOR
@click.pass_context
def away(context: click.Context, text: tuple[str, ...], time: str | None) -> None:
    """Let others see that you are away, and why, until the time is over or you are back."""
    from chatd.client.cli.away import run  # noqa: PLC0415

    context.exit(run(_options(context), "away", " ".join(text), time))


@chatc.command()
@click.argument("text", nargs=-1)
@_FOR
@click.pass_context
def busy(context: click.Context, text: tuple[str, ...], time: str | None) -> None:
    """Let others see that you do not want to be disturbed; mentions of you ring no bell."""
    from chatd.client.cli.away import run  # noqa: PLC0415

    context.exit(run(_options(context), "busy", " ".join(text), time))


@chatc.command()
@click.pass_context
def back(context: click.Context) -> None:
    """Be neither away nor busy any more."""
    from chatd.client.cli.away import run  # noqa: PLC0415

    context.exit(run(_options(context), "", "", None))


@chatc.command()
@click.argument("room")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--reason", metavar="TEXT", default="", help="Why, for everybody to read.")
@click.pass_context
def remove(context: click.Context, room: str, number: int, reason: str) -> None:
    """Erase what event NUMBER of ROOM says, for everybody and for good.

    History tells the numbers with --json, as seq.
    """
    from chatd.client.cli.ask import run_remove  # noqa: PLC0415

    context.exit(run_remove(_options(context, room), room, number, reason))


@chatc.command()
@click.argument("room")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--caption", metavar="TEXT", default="", help="What to say about the first FILE.")
@_AS_JSON
@click.pass_context
def put(context: click.Context, room: str, files: tuple[str, ...], caption: str, as_json: bool) -> None:
    """Post FILES in ROOM; succeed when all are. The same command again goes on where one was cut off."""
    from chatd.client.cli.put import run  # noqa: PLC0415

    context.exit(run(_options(context, room), room, files, caption, as_json=as_json))


@chatc.command()
@click.argument("room")
@click.argument("which", metavar="SEQ|ID")
@click.option("--output", "-o", metavar="PATH", default="", help="Where to: a folder, or a new file's name.")
@click.option("--force", is_flag=True, help="Replace the file that -o names.")
@_AS_JSON
@click.pass_context
def get(context: click.Context, room: str, which: str, output: str, force: bool, as_json: bool) -> None:
    """Get the file of event SEQ in ROOM, or the newest whose SHA-256 begins with ID; print its path."""
    from chatd.client.cli.get import run  # noqa: PLC0415
    from chatd.client.cli.which import which_file  # noqa: PLC0415

    options = _options(context, room)
    context.exit(run(options, room, which_file(which), output, force=force, as_json=as_json))


@chatc.command()
@click.option(
    "--send",
    is_flag=True,
    help="Send what waits for the server that was here before, or in a free session of yours.",
)
@click.option("--drop", is_flag=True, help="Delete it, and what has come of interrupted files.")
@click.pass_context
def waiting(context: click.Context, send: bool, drop: bool) -> None:
    """List what waits for servers that are not served now, or in other sessions, and what was interrupted.

    Nothing of it is sent or dropped by itself.
    """
    from chatd.client.cli.left import run  # noqa: PLC0415
    from chatd.client.core.problems import ClientError  # noqa: PLC0415

    if send and drop:
        raise ClientError("bad-options", "Either --send or --drop.")
    context.exit(run(_options(context), send=send, drop=drop))


@chatc.command()
@_AS_JSON
@click.pass_context
def rooms(context: click.Context, as_json: bool) -> None:
    """List the rooms there are."""
    from chatd.client.cli.ask import run_rooms  # noqa: PLC0415

    context.exit(run_rooms(_options(context), as_json=as_json))


@chatc.command()
@click.argument("room")
@_AS_JSON
@click.pass_context
def who(context: click.Context, room: str, as_json: bool) -> None:
    """List the members of ROOM."""
    from chatd.client.cli.ask import run_who  # noqa: PLC0415

    context.exit(run_who(_options(context, room), room, as_json=as_json))


_SECRET = (
    click.option("--password-file", metavar="FILE", help="Read the password from the first line of FILE."),
    click.option("--password-fd", type=int, metavar="N", help="Read it from this open descriptor."),
)


def _with_password(function: Any) -> Any:
    for option in reversed(_SECRET):
        function = option(function)
    return function


@chatc.command()
@_with_password
@click.option("--invite", metavar="CODE", default="", help="The code of an invitation, if one is needed.")
@click.pass_context
def register(context: click.Context, password_file: str | None, password_fd: int | None, invite: str) -> None:
    """Become an account: a nick that is yours for good, on all your devices."""
    from chatd.client.cli.account import Secret, run_register  # noqa: PLC0415

    context.exit(run_register(_options(context), Secret(password_file, password_fd), invite))


@chatc.command()
@_with_password
@click.option("--with-certificate", is_flag=True, help="By the certificate of --cert, without a password.")
@click.pass_context
def login(
    context: click.Context, password_file: str | None, password_fd: int | None, with_certificate: bool
) -> None:
    """Log in to the account that --nick names; the profile keeps the session."""
    from chatd.client.cli.account import Secret, run_login, run_login_by_certificate  # noqa: PLC0415

    if with_certificate:
        context.exit(run_login_by_certificate(_options(context)))
    context.exit(run_login(_options(context), Secret(password_file, password_fd)))


@chatc.command()
@click.option("--everywhere", is_flag=True, help="On all your devices.")
@click.pass_context
def logout(context: click.Context, everywhere: bool) -> None:
    """End the session that the profile keeps."""
    from chatd.client.cli.account import run_logout  # noqa: PLC0415

    context.exit(run_logout(_options(context), everywhere=everywhere))


@chatc.command()
@_with_password
@click.option("--old-password-file", metavar="FILE", help="The same for the present password.")
@click.option("--old-password-fd", type=int, metavar="N", help="The same for the present password.")
@click.pass_context
def passwd(
    context: click.Context,
    password_file: str | None,
    password_fd: int | None,
    old_password_file: str | None,
    old_password_fd: int | None,
) -> None:
    """Give your account another password."""
    from chatd.client.cli.account import Secret, run_passwd  # noqa: PLC0415

    old = Secret(old_password_file, old_password_fd)
    context.exit(run_passwd(_options(context), Secret(password_file, password_fd), old))


@chatc.command()
@click.option("--end", type=click.IntRange(min=1), metavar="N", help="End the session with this number.")
@_AS_JSON
@click.pass_context
def sessions(context: click.Context, end: int | None, as_json: bool) -> None:
    """List your sessions: number, last seen, the device's name, address and client."""
    from chatd.client.cli.account import run_sessions  # noqa: PLC0415

    context.exit(run_sessions(_options(context), end, as_json=as_json))


@chatc.command("delete-account")
@click.option("--erase", is_flag=True, help="Erase all that you have said as well, in all rooms.")
@click.option("--yes", "agreed", is_flag=True, help="Do not ask whether you want that.")
@_with_password
@click.pass_context
def delete_account(
    context: click.Context, erase: bool, agreed: bool, password_file: str | None, password_fd: int | None
) -> None:
    """Delete your account for good; its nicks are nobody's any more."""
    from chatd.client.cli.account import Secret, run_delete  # noqa: PLC0415

    secret = Secret(password_file, password_fd)
    context.exit(run_delete(_options(context), secret, erase=erase, agreed=agreed))


@chatc.command()
@click.option(
    "--uses",
    type=click.IntRange(1, MAX_INVITE_USES),
    default=1,
    show_default=True,
    help="Accounts made by it.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_INVITE_DAYS),
    default=7,
    show_default=True,
    help="Days that it serves.",
)
@click.pass_context
def invite(context: click.Context, uses: int, days: int) -> None:
    """Print a code by which others can register."""
    from chatd.client.cli.account import run_invite  # noqa: PLC0415

    context.exit(run_invite(_options(context), uses, days))


@chatc.group()
def certificate() -> None:
    """Let certificates open your account, and list and remove those that do."""


@certificate.command("add")
@click.argument("fingerprint", required=False, default="")
@click.option("--name", metavar="TEXT", default="", help="What you call it, such as the device it is on.")
@click.pass_context
def add_certificate(context: click.Context, fingerprint: str, name: str) -> None:
    """Let the certificate of --cert open your account, or the one with FINGERPRINT."""
    from chatd.client.cli.certificates import run_add  # noqa: PLC0415

    context.exit(run_add(_options(context), fingerprint, name))


@certificate.command("list")
@_AS_JSON
@click.pass_context
def list_certificates(context: click.Context, as_json: bool) -> None:
    """List the certificates that open your account."""
    from chatd.client.cli.certificates import run_list  # noqa: PLC0415

    context.exit(run_list(_options(context), as_json=as_json))


@certificate.command("remove")
@click.argument("which", metavar="FINGERPRINT")
@click.pass_context
def remove_certificate(context: click.Context, which: str) -> None:
    """Let a certificate open your account no more; the first 8 digits of its FINGERPRINT are enough."""
    from chatd.client.cli.certificates import run_remove  # noqa: PLC0415

    context.exit(run_remove(_options(context), which))


def _strips(context: click.Context) -> bool:
    """Return whether ``--plain`` stood before the command."""
    return context.parent is not None and bool(context.parent.params["strip"])


def _options(context: click.Context, *rooms: str) -> "Options":
    from chatd.client.core.problems import ClientError  # noqa: PLC0415

    for room in rooms:
        if not room.startswith(("#", "@")) or len(room) == 1:
            raise ClientError(
                "bad-room", f"{room!r} is no room; write '#{room.lstrip('#@') or 'room'}' or '@nick'."
            )
    options: Options = context.obj
    return options
