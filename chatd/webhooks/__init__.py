"""Webhooks out: tells other servers over HTTP what is said in rooms, from a durable cursor.

What a hook is, and who makes one, is in `chatd.chat.hook`; posts that come in are in `chatd.server.web`.
Only `chatd.build` calls it.
"""
