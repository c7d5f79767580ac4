"""JSON lines: one message per line, for nc, shell scripts and debugging (docs/PROTOCOL.md, "JSON lines").

Nothing that another kind of connection could share. `chatd.server.factory` makes its connections; nobody else
knows it.
"""
