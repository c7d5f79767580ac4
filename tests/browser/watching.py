"""What a page shows, kept with the times by the page itself."""

from typing import Final

WATCH: Final = """
    const seen = window.shown = [];
    let last = null;
    const look = () => {
        if (!document.querySelector(".composer")) return;
        const pill = document.querySelector(".pill")?.textContent ?? "";
        if (pill !== last) seen.push([Date.now() / 1000, last = pill]);
    };
    new MutationObserver(look).observe(document, { childList: true, characterData: true, subtree: true });
"""
"""Keeps in ``shown`` what the page said of its connection, and since when; "" is that it is connected."""
