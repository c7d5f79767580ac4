"""chatd: a chat server for networks that fail, and its companion client."""

__version__ = "0.1.0"
