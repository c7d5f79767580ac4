"""Connections: protocol and factory, delivery, reaper, listeners, drain. Thin: bytes in, effects out.

Never here: rules of chat or SQL.
The service builds it; it calls chat and, through chat's protocols, the store.
"""
