"""`nasflow sync` says what was missing, in sentences."""

from __future__ import annotations

from dataclasses import replace

from nasflow.cli.sync import told
from nasflow.delivery.syncing import Synced

DONE = Synced("digits", "http://host", runs=8, missing=0, holder="", unregistered=False)


def test_what_is_told() -> None:
    assert told(DONE, "d.yaml") == ["MLflow at http://host has all 8 runs of search 'digits'; nothing was missing."]
    assert told(replace(DONE, missing=3), "d.yaml") == [
        "MLflow at http://host lacked 3 of 8 runs of search 'digits'; now it has all."
    ]
    assert told(replace(DONE, runs=0), "d.yaml") == [
        "Search 'digits' has no result yet; MLflow at http://host has its run."
    ]
    assert told(replace(DONE, holder="process 7", unregistered=True), "d.yaml")[1:] == [
        "It goes on meanwhile, held by process 7; what ends from now on, it writes itself.",
        "Its model is not registered yet: the command that ran it does that, as 'nasflow run d.yaml'.",
    ]
