"""Stores on folders of the test, as those of the store's own tests are."""

from tests.store.conftest import open_store as open_store  # noqa: PLC0414 - a fixture for the tests here
