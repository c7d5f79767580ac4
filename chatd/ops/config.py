"""The configuration: chatd.toml read and checked into frozen Structs, every mistake named by its path."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from chatd.ops.checks import check, check_listener
from chatd.ops.reading import Problem, read
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
from chatd.ops.words import escape

__all__ = [
    "Config",
    "ConfigError",
    "DrainConfig",
    "HeartbeatConfig",
    "LimitsConfig",
    "ListenConfig",
    "LogConfig",
    "Problem",
    "RetentionConfig",
    "SessionConfig",
    "Source",
    "load",
    "merge",
    "parse",
]


class ConfigError(Exception):
    """A configuration that cannot be used; ``problems`` names every mistake by its path in ``file``."""

    def __init__(self, problems: Iterable[Problem], file: str = "") -> None:
        self.problems = tuple(problems)
        self.file = file
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return a sentence for each mistake, as people may see it."""
        start = f"{self.file}: " if self.file else ""
        return tuple(escape(f"{start}{problem}") for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration is from: the file ``path``, if any, and the command line's options over it."""

    path: str | None = None
    data: str | None = None
    listen: tuple[str, ...] = ()

    def read(self) -> Config:
        """Return the configuration as it is now. Raises `ConfigError`."""
        config = Config() if self.path is None else load(self.path)
        return merge(config, self.data, self.listen)


def load(path: str | Path) -> Config:
    """Return the configuration in the TOML file ``path``.

    Raises `ConfigError` with all mistakes that can be found at once.
    """
    try:
        return _load(path)
    except ConfigError as error:
        raise ConfigError(error.problems, str(path)) from None


def _load(path: str | Path) -> Config:
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Problem("", f"the file cannot be read: {reason}.")]) from None
    try:
        return parse(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem("", f"line {line} is not UTF-8.")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem("", f"the file is not TOML: {error}.")]) from None
    except RecursionError:
        raise ConfigError([Problem("", "the file is nested too deeply.")]) from None


def parse(text: str) -> Config:
    """Return the configuration that the TOML document ``text`` holds.

    Raises `ConfigError`, and `tomllib.TOMLDecodeError` if it is not TOML at all.
    """
    problems: list[Problem] = []
    config = read(Config, tomllib.loads(text), problems)
    problems += check(config, problems)
    if problems:
        raise ConfigError(problems)
    return config


def merge(config: Config, data: str | None = None, listen: Sequence[str] = ()) -> Config:
    """Return ``config`` with the command line's options over it.

    ``listen`` holds endpoint strings; if there are any they take the place of all configured listeners.
    Raises `ConfigError`, with the option as the path.
    """
    options: dict[str, object] = {"data": data} if data is not None else {}
    if listen:
        options["listen"] = [{"endpoint": endpoint} for endpoint in listen]
    problems: list[Problem] = []
    given = read(Config, options, problems)
    for listener in given.listen if listen else ():
        problems += check_listener(listener, "listen", allow_plaintext=config.allow_plaintext)
    if problems:
        raise ConfigError(
            Problem("--listen" if problem.path.startswith("listen") else "--data", problem.sentence)
            for problem in problems
        )
    return replace(config, **{name: getattr(given, name) for name in options})
