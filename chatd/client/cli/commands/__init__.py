"""chatc's command line: its options, and its commands by topic; each imports what it needs only when it runs.

Never here: what a command does; that is in the modules beside this folder.
"""

from chatd.client.cli.commands import account, certificates, files, looking, status, talking
from chatd.client.cli.commands.group import chatc

__all__ = ["chatc"]

for _topic in (talking, looking, status, files, account, certificates):
    for _command in _topic.COMMANDS:
        chatc.add_command(_command)
