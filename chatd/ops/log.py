"""Logging: an event has a stable name, a sentence where people need one, and fields.

``log.info("client-in", peer="127.0.0.1:4711", session=7)`` costs a few microseconds if the level is filtered:
nothing is put into words until an observer writes it. docs/OPERATIONS.md explains every name and every field;
a test holds code and page together.
"""

from collections.abc import Mapping
from typing import Final

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from chatd.ops.words import sentence_of

KEY: Final = "chatd"
"""The key under which an event of twisted.logger holds what was said."""


class Said:
    """One thing that happened: its stable name, a sentence or nothing, and its fields."""

    __slots__ = ("fields", "name", "sentence")

    def __init__(self, name: str, sentence: str, fields: Mapping[str, object]) -> None:
        self.name = name
        self.sentence = sentence
        self.fields = fields

    def __str__(self) -> str:
        return sentence_of(self.name, self.sentence, self.fields)

    def __repr__(self) -> str:
        return f"<Said {self}>"


class Log:
    """Logs the events of one module, over a `twisted.logger.Logger` of that name."""

    __slots__ = ("_logger",)

    def __init__(self, namespace: str, logger: Logger | None = None) -> None:
        self._logger = logger or Logger(namespace)

    def debug(self, name: str, sentence: str = "", /, **fields: object) -> None:
        """Say what only a developer wants to know."""
        self._say(LogLevel.debug, name, sentence, fields)

    def info(self, name: str, sentence: str = "", /, **fields: object) -> None:
        """Say what an operator reads in peace."""
        self._say(LogLevel.info, name, sentence, fields)

    def warn(self, name: str, sentence: str = "", /, **fields: object) -> None:
        """Say what an operator should look at some day."""
        self._say(LogLevel.warn, name, sentence, fields)

    def error(self, name: str, sentence: str = "", /, **fields: object) -> None:
        """Say what an operator must look at."""
        self._say(LogLevel.error, name, sentence, fields)

    def failure(
        self,
        name: str,
        failure: Failure | BaseException | None = None,
        sentence: str = "",
        /,
        **fields: object,
    ) -> None:
        """Say that the daemon itself is at fault, with a traceback; by default the current exception's."""
        if not isinstance(failure, Failure):
            failure = Failure(failure)
        said = Said(name, sentence, fields)
        self._logger.failure("{chatd}", failure=failure, level=LogLevel.critical, **{KEY: said})

    def _say(self, level: object, name: str, sentence: str, fields: Mapping[str, object]) -> None:
        self._logger.emit(level, "{chatd}", **{KEY: Said(name, sentence, fields)})  # type: ignore[arg-type]
