"""chatc: the commands and the interactive line client.

Never here: what the session means; that is the client's state machine.
People call it; it calls `chatd.client.api`.
"""

import sys


def main() -> None:
    """Run chatc; what is wrong is one sentence on standard error."""
    from chatd.client.cli.commands import chatc  # noqa: PLC0415 - importing the package stays cheap
    from chatd.client.problems import ClientError  # noqa: PLC0415

    try:
        chatc(prog_name="chatc")
    except ClientError as error:
        print(f"chatc: {error.text}", file=sys.stderr)
        sys.exit(1)
