"""The command line of ``twistd chatd``, and the service that it makes."""

import sys
from pathlib import Path
from typing import Any, ClassVar, cast

from twisted.application.service import IService
from twisted.python import usage
from twisted.scripts.twistd import run

from chatd import __version__
from chatd.ops.attach import beside, logged
from chatd.ops.config import ConfigError, Source
from chatd.ops.inheritance import look
from chatd.ops.pidfile import forget_stale
from chatd.ops.signals import StopSignals, survive_signals
from chatd.ops.twistd import OptionError, check_options
from chatd.ops.words import escape
from chatd.service import build


class Options(usage.Options):
    """The options of ``twistd chatd``. Each one overrides the configuration file."""

    synopsis = "[options]"
    longdesc = (
        "chatd is a chat server for networks that fail. Without options it listens on "
        "tcp:7411:interface=127.0.0.1 and keeps its data in ./chatd-data."
    )
    optParameters: ClassVar[list[list[str | None]]] = [
        ["config", "c", None, "Read the configuration from this TOML file (see etc/chatd.toml)."],
        ["data", None, None, "Keep rooms and sessions in this folder, made if it does not exist."],
    ]
    compData = usage.Completions(
        optActions={"config": usage.CompleteFiles("*.toml"), "data": usage.CompleteDirs()}
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Listen on this endpoint (see etc/chatd.toml) instead of the configured ones; may be repeated."""
        self["listen"].append(endpoint)

    def postOptions(self) -> None:
        """Clear away what a crash left, and prepare for a foreign --logger, before twistd looks.

        Raises `SystemExit` if twistd would fail at one of its own options.
        """
        if self.parent:
            beside(self.parent)
        pidfile = self.parent and self.parent.get("pidfile")
        if pidfile:
            forget_stale(Path(pidfile))
        try:
            check_options(self.parent or {})
        except OptionError as error:
            raise SystemExit(f"chatd: {error}") from None

    def opt_version(self) -> None:
        """Show chatd's version and exit."""
        sys.stdout.write(f"chatd {__version__}\n")
        sys.exit(0)


class _Command(Options):
    """The same options as a command of its own: its errors do not mention twistd's options."""

    synopsis = "Usage: chatd [options]"


def main() -> None:
    """Run the daemon in the foreground, without a pid file: the command ``chatd``."""
    arguments = sys.argv[1:]
    try:
        _Command().parseOptions(arguments)  # type: ignore[no-untyped-call]
    except usage.UsageError as error:
        raise SystemExit(f"chatd: {escape(str(error)).rstrip('.')}; chatd --help names the options") from None
    sys.argv[1:] = ["--nodaemon", "--pidfile=", "chatd", *arguments]
    run()


def makeService(options: Options) -> IService:
    """Return the daemon's service for ``options`` and their configuration file. It opens no port yet.

    Raises `SystemExit` with one sentence per mistake, which twistd shows as they are; a daemon whose place
    this one was to take is told as well.
    """
    inheritance = look()
    try:
        return _service(options)
    except SystemExit as error:
        if inheritance is not None:
            inheritance.explain(str(error).removeprefix("chatd: ").replace("\nchatd: ", "\n"))
        raise


def _service(options: Options) -> IService:
    from twisted.internet import reactor  # noqa: PLC0415 - the first import chooses the reactor

    source = Source(options["config"], options["data"], tuple(options["listen"]))
    try:
        config = source.read()
    except ConfigError as error:
        raise SystemExit("\n".join(f"chatd: {sentence}" for sentence in error.sentences)) from None
    daemon = build(config, source)
    try:
        services = [StopSignals(cast(Any, reactor)), daemon]
        service = logged(services, config.log, options.parent or {"nodaemon": True})
    except OSError as error:
        raise SystemExit(f"chatd: the log file cannot be opened: {error}.") from None
    except ValueError as error:
        raise SystemExit(f"chatd: {error}.") from None
    daemon.set_level = service.set_level
    parent = options.parent or {"nodaemon": True}
    daemon.pid_file = bool(parent.get("pidfile")) or not parent.get("nodaemon")
    survive_signals(cast(Any, reactor), service.writer.reopen, daemon.reload)
    return service
