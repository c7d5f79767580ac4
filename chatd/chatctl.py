"""chatctl: the operators' command, with all that it can do."""

from chatd.control.cli.looks import rooms, status, who
from chatd.offline.certificates import certificate
from chatd.offline.users import user
from chatd.ops.chatctl import main

__all__ = ["main"]

user.add_command(certificate)
for command in (user, status, who, rooms):
    main.add_command(command)
