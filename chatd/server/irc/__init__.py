"""IRC: clients and bots of IRC as connections to the same hub (docs/IRC.md).

Nothing that another kind of connection could share. `chatd.server.factory` makes its connections; nobody else
knows it.
"""
