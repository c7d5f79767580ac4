"""The companion client: a state machine without I/O, its Twisted protocol and factory, profiles, API, CLI.

Never here: anything of chat, store or server; it knows the wire alone.
People call `chatc`; programs call `chatd.client.api`.
"""
