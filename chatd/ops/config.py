"""The configuration: chatd.toml read and checked into frozen Structs, every mistake named by its path."""

from chatd.ops.settings import (
    Config,
    DrainConfig,
    HeartbeatConfig,
    LimitsConfig,
    ListenConfig,
    LogConfig,
    RetentionConfig,
    SessionConfig,
)

__all__ = [
    "Config",
    "DrainConfig",
    "HeartbeatConfig",
    "LimitsConfig",
    "ListenConfig",
    "LogConfig",
    "RetentionConfig",
    "SessionConfig",
]
