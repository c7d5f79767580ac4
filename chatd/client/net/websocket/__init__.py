"""WebSocket as a way to a server: a layer that speaks it outside, and the native frames inside.

All that knows a link is above it: what is said, when, and what silence means is the same over both.
"""
