from __future__ import annotations

import pytest

from nasflow.storage.patience import DOOR_SECONDS, allowed, at_the_door


def test_less_at_the_door_and_as_before_behind_it() -> None:
    assert allowed(120) == 120
    with at_the_door():
        assert allowed(120) == DOOR_SECONDS
        assert allowed(2) == 2
        with at_the_door():
            pass
        assert allowed(120) == DOOR_SECONDS
    with pytest.raises(KeyError), at_the_door():
        raise KeyError
    assert allowed(120) == 120
