"""chatctl: the operators' command, with all that it can do."""

from chatd.offline.users import user
from chatd.ops.chatctl import main

__all__ = ["main"]

main.add_command(user)
