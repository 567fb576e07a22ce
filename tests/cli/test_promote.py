"""`nasflow promote`: by name or by file, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasflow.cli.main import app


def called(*arguments: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["promote", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


def test_by_the_file_and_by_name_where_the_store_is(delivered_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = delivered_site
    already = "Version 1 of 'small' is the champion already; nothing was changed."
    assert called(site.yaml(), "--version", 1) == (0, already)
    assert called("small", "--version", 1, "--store", site.store_folder) == (0, already)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", site.uri)
    monkeypatch.chdir(site.root)
    assert called("small", "--version", 1) == (0, already)


def test_what_is_unknown_is_one_sentence_with_the_nearest(delivered_site: Any) -> None:
    site = delivered_site
    code, output = called(site.yaml(), "--version", 3)
    assert (code, output) == (2, "nasflow: model 'small' has no version 3; it has 1.")
    code, output = called("smal", "--version", 1, "--store", site.store_folder)
    assert code == 2
    assert "no model 'smal' is registered in" in output
    assert "Did you mean 'small'?" in output
    code, output = called("small", "--version", 0, "--store", site.store_folder)
    assert code == 2


def test_without_an_mlflow_it_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = called("small", "--version", 1)
    assert code == 2
    assert "there is no MLflow database" in output
    assert "--store" in output
    assert list(tmp_path.iterdir()) == []
