"""The operators' socket: who may ask, the table of what can be asked, and the answers, made in short turns.

`chatd.control.cli` is the other end, in chatctl. Nothing here is on the way of a message: the service alone
opens it, and nobody in the daemon waits for whoever asks.
"""
