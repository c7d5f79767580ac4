"""Stores on folders of the test, as those of the store's own tests are."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.store.conftest import open_store as open_store  # noqa: PLC0414 - a fixture for the tests here


@pytest.fixture(autouse=True)
def _left_open() -> Iterator[None]:
    """Collect what nats-py has left open of connections whose server was killed, without a warning."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
