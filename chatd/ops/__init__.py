"""The operator's side: configuration, log lines, chatctl.

Never here: rules of chat or bytes of the wire. The service and twistd call it; the server logs through
`chatd.ops.log`.
"""

from chatd.ops.observers import json_lines, text_lines

__all__ = ["json_lines", "text_lines"]
