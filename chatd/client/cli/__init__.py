"""chatc: the commands and the interactive line client.

Never here: what the session means; that is the client's state machine.
People call it; it calls `chatd.client.api`.
"""

import os
import sys


def main() -> None:
    """Run chatc; what is wrong is one sentence on standard error."""
    from chatd.client.cli.manual import print_page  # noqa: PLC0415 - importing the package stays cheap

    for wanted in (0, 1, 2):
        try:
            os.fstat(wanted)
        except OSError:  # it was closed before we began: no other file may take its place
            os.open(os.devnull, os.O_RDONLY)
    if print_page(sys.argv[1:]):
        return
    from chatd.client.cli.starting import leave_garbage, postpone, spare_the_collector  # noqa: PLC0415

    spare_the_collector()
    postpone()
    from chatd.client.cli.commands import chatc  # noqa: PLC0415
    from chatd.client.cli.preferences import preferences  # noqa: PLC0415
    from chatd.client.core.problems import ClientError  # noqa: PLC0415

    try:
        chatc(prog_name="chatc", default_map=preferences(sys.argv[1:]))
    except ClientError as error:
        os.write(2, f"chatc: {error.text}\n".encode())
        sys.exit(1)
    finally:
        leave_garbage()
