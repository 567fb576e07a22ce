"""Telling a report of nasflow from any other file."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

_HEAD_CHARACTERS = 4096


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "meta" and known.get("name"):
            self.told.setdefault(str(known["name"]), known.get("content") or "")


def search_of(path: Path) -> str | None:
    """Return the name of the search whose report a file is, or None where it is something else.

    The page's `meta` elements say it: `generator` that nasflow wrote it, and `nasflow:search` for which search.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        head = _Head()
        head.feed(file.read(_HEAD_CHARACTERS))
    if not head.told.get("generator", "").startswith("nasflow "):
        return None
    return head.told.get("nasflow:search")
