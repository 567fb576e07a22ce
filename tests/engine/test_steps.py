"""How a step of the pipeline begins and ends, with real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nasflow import logs
from nasflow.engine.steps import (
    ALIVE_FILE,
    DRIVER,
    ERROR_FILE,
    FOLDER,
    LOG_FILE,
    opened,
    read_selection,
    read_shard,
    read_space,
    step,
    this_process,
)
from nasflow.errors import ConfigError, HeldError, IntegrityError, SearchError
from nasflow.processes import ProcessStamp, await_unlocked

SLEEPER = (
    "from nasflow.engine.steps import step\nimport time\nwith step():\n    print('in', flush=True)\n    time.sleep(600)"
)


@pytest.mark.parametrize(("error", "code"), [(SearchError("no."), 1), (ConfigError(["a."]), 2), (HeldError("b."), 3)])
def test_a_known_error_ends_a_step_in_its_sentence(
    error: Exception, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(SystemExit) as ended, step():
        raise error
    assert ended.value.code == code
    assert json.loads((tmp_path / ERROR_FILE).read_text()) == {"message": str(error), "exit_code": code}
    assert capsys.readouterr().err == f"nasflow: {error}\n"


def test_an_unknown_error_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(SystemExit) as ended, step("select"):
        _ = 1 / 0
    assert ended.value.code == 1
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "Traceback (most recent call last):"
    sentence = (
        "step select failed unexpectedly (ZeroDivisionError: division by zero); "
        f"the traceback is in {tmp_path / LOG_FILE}."
    )
    assert said[-1] == f"nasflow: {sentence}"
    assert json.loads((tmp_path / ERROR_FILE).read_text()) == {"message": sentence, "exit_code": 1}


def test_in_a_pod_the_log_is_json_and_the_failure_says_how_to_read_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("KFP_POD_NAME", "digits-x7k2")
    with pytest.raises(SystemExit), step("select"):
        _ = 1 / 0
    *lines, last = capsys.readouterr().err.splitlines()
    first, second = map(json.loads, lines)
    assert first["step"] == second["step"] == "select"
    assert first["exception"].endswith("ZeroDivisionError: division by zero")
    assert last == f"nasflow: {second['message']}"
    assert last.endswith("; the traceback is in its log, which 'nasflow logs SEARCH select' prints.")


def test_what_a_step_did_is_its_last_line_and_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("NASFLOW_LOG", "json")
    with step("propose", str(tmp_path / "page.md"), round=3) as say:
        logs.note(search="cafe")
        say("Trials proposed: 8.")
        say("That is all.")
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert line["message"].endswith(" s. Trials proposed: 8. That is all.")
    assert (line["step"], line["round"], line["search"]) == ("propose", 3, "cafe")
    page = (tmp_path / "page.md").read_text().splitlines()
    assert page[0].startswith("**propose** of search `cafe`: done in ")
    assert page[1:] == ["", "- Trials proposed: 8.", "- That is all."]
    assert logs.fields() == {}


def test_no_secret_is_in_an_error_or_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tiger-eye")
    with step("report", str(tmp_path / "page.md")) as say:
        say("With tiger-eye.")
    for error in (SearchError("tiger-eye is wrong."), ValueError("tiger-eye")):
        with pytest.raises(SystemExit), step("report"):
            raise error
    written = [path.read_text() for path in tmp_path.iterdir()]
    assert written
    assert not any("tiger" in text for text in [*written, *capsys.readouterr()])


def test_on_a_cluster_nothing_is_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.delenv(DRIVER, raising=False)
    monkeypatch.chdir(tmp_path)
    with step():
        pass
    with pytest.raises(SystemExit), step():
        raise SearchError("no.")
    assert list(tmp_path.iterdir()) == []


def start(folder: Path, driver: str) -> subprocess.Popen[str]:
    environment = os.environ | {FOLDER: str(folder), DRIVER: driver}
    return subprocess.Popen([sys.executable, "-c", SLEEPER], env=environment, stdout=subprocess.PIPE, text=True)


def test_a_step_ends_with_its_driver_and_is_known_to_live_until_then(tmp_path: Path) -> None:
    driver = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from nasflow.engine.steps import this_process\nprint(this_process(), flush=True)\ninput()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    process = start(tmp_path, driver.stdout.readline().strip())
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    assert not await_unlocked(tmp_path / ALIVE_FILE, 0.0)
    driver.kill()
    driver.communicate()
    assert process.wait(timeout=30) == 1
    assert await_unlocked(tmp_path / ALIVE_FILE, 0.0)


def test_a_step_whose_driver_is_gone_already_does_nothing(tmp_path: Path) -> None:
    stamp = json.loads(this_process()) | {"started": "ticks:1"}
    process = start(tmp_path, json.dumps(stamp))
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")


def test_the_stamp_of_this_process() -> None:
    stamp = ProcessStamp.from_json(json.loads(this_process()))
    assert stamp == ProcessStamp.here()


def test_a_search_is_opened_from_what_travels(planned: Any, tmp_path: Path) -> None:
    plan = planned()
    file = tmp_path / "space.json"
    file.write_text(json.dumps(plan.space.to_json()))
    again, records = opened(plan.request.to_json(), str(plan.bundle.root), str(file))
    assert again.search_id == plan.search_id == records.search_id
    assert again.config == plan.config
    assert read_space(str(file)).id == plan.space.id


def test_what_one_step_leaves_another_reads(tmp_path: Path, planned: Any) -> None:
    plan = planned()
    proposal, selection = tmp_path / "proposal", tmp_path / "selection"
    trial = plan.full_training(plan.reference, 1)
    proposal.write_text(json.dumps({"deadline": 5, "shards": {"0-0": [trial.to_json()], "0-1": []}}))
    assert read_shard(str(proposal), "0-0") == ([trial], 5.0)
    assert read_shard(str(proposal), "0-1") == ([], 5.0)
    with pytest.raises(IntegrityError, match=rf"the proposal in {proposal} is missing or damaged \(KeyError: '0-2'\)"):
        read_shard(str(proposal), "0-2")
    with pytest.raises(IntegrityError, match=r"the selection in .* is missing or damaged \(\[Errno 2\] No such file"):
        read_selection(str(selection))
    for content, good in (('["a", "b"]', True), ('{"a": 1}', False), ("[1]", False), ("", False)):
        selection.write_text(content)
        if good:
            assert read_selection(str(selection)) == ["a", "b"]
        else:
            with pytest.raises(IntegrityError, match="the selection in"):
                read_selection(str(selection))
