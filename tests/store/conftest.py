"""A store on a folder of the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatd.store import searching
from tests.store.driven import Driven


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., Driven]]:
    """Return a function that opens the store; what is still open in the end is closed."""
    opened: list[Driven] = []

    def open_(folder: Path = tmp_path / "data") -> Driven:
        opened.append(Driven(folder))
        return opened[-1]

    yield open_
    for driven in opened:
        if driven.store._writing.is_alive():
            driven.close()


@pytest.fixture(autouse=True)
def _patient_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no search end for want of time: on a busy machine each would end anywhere."""
    monkeypatch.setattr(searching, "SECONDS", 20.0)
    monkeypatch.setattr(searching, "PATIENCE", 20.0)
