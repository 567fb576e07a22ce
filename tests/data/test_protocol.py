"""What a source may say of itself, besides what each has to."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.data.protocol import Downloading, needs_download


class Here:
    """A source that knows nothing of downloads, as most do."""


class Away:
    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def needs_download(self) -> bool:
        return self.answer


@pytest.mark.parametrize(("source", "away"), [(Here(), False), (Away(True), True), (Away(False), False)])
def test_a_source_that_says_nothing_is_here(source: Any, away: bool) -> None:
    assert needs_download(source) is away


def test_who_says_so_is_known_by_the_method() -> None:
    assert isinstance(Away(True), Downloading)
    assert not isinstance(Here(), Downloading)
