"""Which device there is, asked once for a machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import ResourcesConfig
from nasflow.engine.probing import DeviceProbe
from nasflow.errors import SearchError, UserError
from nasflow.storage import open_store

CPU = ResourcesConfig(device="cpu")


def test_the_answer_is_that_of_training(tmp_path: Path) -> None:
    from nasflow.training.device import device_kind

    assert DeviceProbe(CPU).result() == device_kind(CPU)


def test_it_is_remembered_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(str(tmp_path / "store"))
    first = DeviceProbe(CPU, store).result()

    def refused(*arguments: Any, **options: Any) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert DeviceProbe(CPU, store).result() == first
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    with pytest.raises(AssertionError, match="asked again"):
        DeviceProbe(CPU, store)


def test_a_device_that_is_not_there_is_the_users_matter(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    store = open_store(str(tmp_path / "store"))
    with pytest.raises(UserError, match=r"^resources\.device is 'cuda', but"):
        DeviceProbe(ResourcesConfig(device="cuda"), store).result()
    assert not (tmp_path / "store").exists()


def test_a_torch_that_cannot_be_imported_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SearchError, match=r"^the training device cannot be used: .*broken on purpose") as told:
        DeviceProbe(CPU).result()
    assert "\n" not in str(told.value)


def test_closed_it_leaves_no_process() -> None:
    probe = DeviceProbe(CPU)
    probe.close()
    probe.close()
    assert probe._process is not None
    assert probe._process.poll() is not None
