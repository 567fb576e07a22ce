"""The step that prepares the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from nasflow.components.prepare_data.component import prepare_data
from nasflow.data.bundle import DataBundle


def test_the_artifact_is_the_whole_bundle(chain: Any) -> None:
    data = chain.artifacts["data"]
    bundle = DataBundle.open(Path(data.path))
    assert bundle.fingerprint == chain.returned["prepare_data"].fingerprint == data.metadata["fingerprint"]
    assert data.metadata["samples"] == sum(bundle.counts.values()) == 1797


def test_done_again_it_is_the_same(chain: Any, tmp_path: Path) -> None:
    again = dsl.Dataset(uri=str(tmp_path / "data"))
    found = prepare_data.python_func(request=chain.request, deadline=0.0, data=again, summary=chain.summary)
    assert found == chain.returned["prepare_data"]


def test_data_that_are_gone_end_it_with_the_status_of_a_wrong_input(chain: Any, tmp_path: Path, capsys: Any) -> None:
    request = chain.request.replace("sklearn:digits", "folder:gone")
    with pytest.raises(SystemExit) as ended:
        prepare_data.python_func(
            request=request, deadline=0.0, data=dsl.Dataset(uri=str(tmp_path / "data")), summary=chain.summary
        )
    assert ended.value.code == 2
    assert "gone" in capsys.readouterr().err
