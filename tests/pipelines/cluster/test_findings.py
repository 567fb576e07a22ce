"""What comes of a test."""

from __future__ import annotations

import pytest

from nasflow.errors import ConfigError, StorageError
from nasflow.pipelines.cluster.findings import Finding, failed, found


def test_what_is_well_says_what_was_found() -> None:
    assert found("store", lambda: "can be written") == Finding("store", "can be written", True)


def test_what_fails_says_so_on_one_line() -> None:
    def test() -> str:
        raise StorageError("the disk\nis full.")

    assert found("store", test) == Finding("store", "the disk is full.", False)
    assert failed("data", ConfigError(["one.", "two."])).said == "one. two."


def test_a_slip_of_ours_is_not_taken_for_a_finding() -> None:
    with pytest.raises(ZeroDivisionError):
        found("store", lambda: str(1 / 0))
