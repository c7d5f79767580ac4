"""Found without an address: what servers say of themselves on the local network, and how it gets there.

Never here: what the daemon or a client makes of that. Both call it.
"""
