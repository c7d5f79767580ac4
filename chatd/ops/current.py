"""The configuration that is in force: one object, which a reload exchanges in one step."""

from chatd.ops.settings import Config


class Current:
    """Holds the ``config`` in force. Whoever needs a setting reads it here each time and keeps no copy."""

    __slots__ = ("config",)

    def __init__(self, config: Config) -> None:
        self.config = config
