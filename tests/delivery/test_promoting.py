"""A version made champion by hand, and the way back."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.delivery.promoting import Promotion, promote
from nasflow.delivery.registering import register
from nasflow.errors import HeldError, UserError
from nasflow.storage import open_store


def aliases(registry: Any, name: str) -> dict[str, int]:
    return {alias: int(v) for alias, v in registry.client.get_registered_model(name).aliases.items()}


def three(registry: Any, name: str) -> Any:
    """Register a champion (version 2), the one before it (1), and a challenger (3)."""
    for mark, quarter in (("a", 2), ("b", 0), ("c", 3)):
        submission = registry.submission(name, f"{name}-{mark}", quarter)
        register(registry.target, submission)
    assert aliases(registry, name) == {"champion": 2, "challenger": 3}
    return submission


def test_back_and_forth(registry: Any) -> None:
    three(registry, "back")
    assert promote(registry.target, "back", 1) == Promotion("back", 1, 2)
    assert aliases(registry, "back") == {"champion": 1, "previous": 2, "challenger": 3}
    assert promote(registry.target, "back", 2) == Promotion("back", 2, 1)
    assert aliases(registry, "back") == {"champion": 2, "previous": 1, "challenger": 3}


def test_twice_it_changes_nothing(registry: Any) -> None:
    three(registry, "twice")
    promote(registry.target, "twice", 1)
    before = aliases(registry, "twice")
    assert promote(registry.target, "twice", 1) == Promotion("twice", 1, 1)
    assert aliases(registry, "twice") == before


def test_a_challenger_made_champion_is_challenger_no_more(registry: Any) -> None:
    submission = three(registry, "challenged")
    promote(registry.target, "challenged", 3)
    assert aliases(registry, "challenged") == {"champion": 3, "previous": 2}
    register(registry.target, submission)  # its search is delivered again
    assert aliases(registry, "challenged") == {"champion": 3, "previous": 2}


def test_a_model_without_a_champion_gets_one(registry: Any) -> None:
    three(registry, "bare")
    registry.client.delete_registered_model_alias("bare", "champion")
    found = promote(registry.target, "bare", 1)
    assert found.sentence() == "Version 1 of 'bare' is the champion now; it had none."


def test_it_says_what_was_and_is() -> None:
    assert Promotion("m", 3, 2).sentence() == (
        "Version 3 of 'm' is the champion now; it was version 2, whose alias is 'previous' now."
    )
    assert Promotion("m", 3, 3).sentence() == "Version 3 of 'm' is the champion already; nothing was changed."


def test_what_is_not_there_is_answered_with_what_is(registry: Any) -> None:
    three(registry, "there")
    with pytest.raises(UserError, match=r"no model 'thera' is registered in .*; models there: .*Did you mean 'there'"):
        promote(registry.target, "thera", 1)
    with pytest.raises(UserError, match=r"^model 'there' has no version 7; it has 1, 2, 3\.$"):
        promote(registry.target, "there", 7)
    assert aliases(registry, "there") == {"champion": 2, "challenger": 3}


def test_it_waits_for_a_search_that_decides(registry: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from nasflow.delivery import deciding

    three(registry, "busy")
    store = open_store(str(tmp_path))
    monkeypatch.setattr(deciding, "PATIENCE_SECONDS", 0.3)
    with deciding.turn(store, registry.target, "busy"), pytest.raises(HeldError, match="the champion of 'busy'"):
        promote(registry.target, "busy", 1, store)
    assert promote(registry.target, "busy", 1, store).before == 2
