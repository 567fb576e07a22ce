from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.layered.settings import LAYERS, checked_values, one_of, shown, whole


def test_the_first_setting_is_the_one_that_must_be_written() -> None:
    for settings in LAYERS.values():
        first, *others = settings.values()
        assert first.required
        assert not any(setting.required for setting in others)


def test_defaults_are_legal() -> None:
    for layer, settings in LAYERS.items():
        for name, setting in settings.items():
            if not setting.required and setting.default is not None:
                assert checked_values(layer, name, setting.default) == [setting.default]


@pytest.mark.parametrize("value", [0, 17, 2.0, "3", True, None, [3]])
def test_whole_numbers_in_a_range(value: Any) -> None:
    setting = whole(1, 16)
    assert setting.admits(1)
    assert setting.admits(16)
    assert not setting.admits(value)


def test_odd_numbers() -> None:
    setting = whole(1, 15, 3, odd=True)
    assert [value for value in range(17) if setting.admits(value)] == [1, 3, 5, 7, 9, 11, 13, 15]
    assert setting.said == "an odd number from 1 to 15"


@pytest.mark.parametrize("value", [3, True, 1.0, "1"])
def test_a_few_values_with_their_types(value: Any) -> None:
    assert not one_of((1, 2, 4)).admits(value)
    assert one_of((1, 2, 4)).admits(1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1, True])
def test_shares(value: Any) -> None:
    with pytest.raises(ValueError, match=r"dropout\.share must be a share from 0 to below 1"):
        checked_values("dropout", "share", value)


def test_shares_are_floats() -> None:
    assert [type(value) for value in checked_values("dropout", "share", [0, 0.5])] == [float, float]
    with pytest.raises(ValueError, match="twice"):
        checked_values("dropout", "share", [0, 0.0])


@pytest.mark.parametrize(("value", "text"), [(None, "nothing"), (True, "true"), ("a", "'a'"), (3, "3")])
def test_values_as_yaml_has_them(value: Any, text: str) -> None:
    assert shown(value) == text
