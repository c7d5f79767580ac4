"""The native protocol: frames, with messages, chunks of files, pings and pongs in them (docs/PROTOCOL.md).

Nothing that another kind of connection could share. `chatd.server.factory` makes its connections; nobody else
knows it.
"""
