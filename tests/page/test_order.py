"""The order of what one person enters is the same on the page."""

import pytest
from hypothesis import settings

from tests.client.core import test_order
from tests.page.worlds import TwinWorld, adopted

globals().update(adopted(test_order, {"TestOrder"}))


class Order(test_order.Order):
    """Any interleaving of what a person enters, with fewer examples: it has been tried already."""


Order.TestCase.settings = settings(test_order.Order.TestCase.settings, max_examples=30)
TestOrder = Order.TestCase


@pytest.fixture(autouse=True)
def worlds(monkeypatch):
    monkeypatch.setattr(test_order, "World", TwinWorld)
