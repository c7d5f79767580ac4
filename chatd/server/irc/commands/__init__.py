"""The commands of IRC: one table says who may give each, with how many parameters, and what does it."""

from chatd.server.irc.commands.table import COMMANDS, Command

__all__ = ["COMMANDS", "Command"]
