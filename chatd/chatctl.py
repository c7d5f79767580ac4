"""chatctl: the operators' command, with all that it can do."""

from chatd.control.cli.acts import (
    announce,
    appoint,
    ban,
    drain,
    kick,
    log_level,
    mute,
    reload,
    unban,
    unmute,
    upgrade,
)
from chatd.control.cli.completing import completion
from chatd.control.cli.explained import explain, trace
from chatd.control.cli.hooks import hook, hooks
from chatd.control.cli.looks import bans, rooms, status, who
from chatd.control.cli.tailed import tail
from chatd.offline.certificates import certificate
from chatd.offline.keeping import backup_command, export, restore_command, verify
from chatd.offline.rebuilding import rebuild
from chatd.offline.users import user
from chatd.offline.vacuuming import vacuum
from chatd.ops.chatctl import main

__all__ = ["main"]

user.add_command(certificate)
for command in (
    completion,
    *(backup_command, restore_command, verify, rebuild, vacuum, export),
    *(user, status, who, rooms, bans, hook, hooks, explain, trace, tail),
    *(kick, appoint, ban, unban, mute, unmute, announce, log_level, drain, reload, upgrade),
):
    main.add_command(command)
