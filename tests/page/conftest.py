"""One process of node plays all pages of a module."""

import shutil

import pytest

from tests.page.twin import Page, Twin


@pytest.fixture(scope="module", autouse=True)
def page():
    """Let the page's machine stand beside each machine that is made."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: apt-get install nodejs")
    Twin.page = Page()
    yield
    Twin.page.close()
