"""HTTP as a way in: one listener for pages, health and WebSocket, over Twisted's HTTP/1.1 with bounds.

A resource that upgrades hands its connection over by `chatd.server.web.channel.WebChannel.upgrade`. Rules of
the chat never live here. Only `chatd.server.factory` calls it, as it brings HTTP, which not everybody wants.
"""
