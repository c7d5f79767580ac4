"""The wire: frames, messages, refusals, limits and heartbeat arithmetic, as docs/PROTOCOL.md tells them.

Never here: I/O, Twisted, a clock, or anything else of the project.
Everybody may call it: server, chat and client speak through it.
"""
