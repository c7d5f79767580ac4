"""What an operator meets: configuration, log lines, chatctl.

Never here: rules of chat or bytes of the wire.
The service and twistd call it; the server says through `chatd.ops.log` what happens.
"""

from chatd.ops.observers import json_lines, text_lines

__all__ = ["json_lines", "text_lines"]
