"""What commands do with real searches."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasflow.cli import wiring
from nasflow.cli.main import app
from nasflow.engine.lease import Holder, hold
from nasflow.errors import ConfigError, IntegrityError, UserError

IMAGE = "registry.example.com/nasflow@sha256:" + "0" * 64


def called(*arguments: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, " ".join(result.output.split())


def test_a_delivered_search_in_every_view(in_process: Any) -> None:
    site = in_process.site
    (row,) = wiring.search_rows(str(site.store_folder))
    assert (row.name, row.state, row.finished, row.trials, row.failed) == ("small", "delivered", 5, 5, 0)
    assert row.search_id == in_process.outcome.search_id
    assert row.best == max(e.result.metrics["val_accuracy"] for e in in_process.outcome.history)
    assert row.holder == ""
    progress = wiring.progress_view("small", str(site.store_folder))
    assert progress.phase == "delivered"
    assert (progress.finals_done, progress.finals) == (3, 3)
    assert [(r.total, r.completed, r.failed, r.running) for r in progress.rounds] == [(3, 3, 0, 0), (2, 2, 0, 0)]
    board = wiring.leaderboard_view("small", str(site.store_folder), 2)
    assert [r.architecture for r in board.rows] == [e.trial.architecture.id for e in in_process.outcome.best]
    assert board.hidden == 3
    assert board.counts == {"completed": 5}
    assert 0 < board.reference["val_accuracy"] <= 1


def test_a_search_is_found_by_file_name_and_id(in_process: Any) -> None:
    site = in_process.site
    folder = str(site.store_folder)
    for search in ("small", in_process.outcome.search_id, in_process.outcome.search_id[:6]):
        assert wiring.progress_view(search, folder).name == "small"
    assert wiring.progress_view(str(site.yaml()), None).name == "small"


def test_an_unknown_search_is_answered_with_the_known_ones(in_process: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no search 'smal'; it keeps small\. Did you mean 'small'\?"):
        wiring.progress_view("smal", str(in_process.site.store_folder))
    with pytest.raises(UserError, match="keeps no search yet"):
        wiring.progress_view("small", str(tmp_path / "none"))
    with pytest.raises(ConfigError):
        wiring.progress_view(str(tmp_path / "none.yaml"), None)
    assert list(tmp_path.iterdir()) == []


def test_one_trial_by_number_and_by_id(in_process: Any) -> None:
    folder = str(in_process.site.store_folder)
    entry = in_process.outcome.history.entries[3]
    views = [wiring.trial_view("small", folder, w) for w in ("4", entry.trial.id, entry.trial.architecture.id[:8])]
    assert views[0] == views[1] == views[2]
    assert views[0].number == 4
    assert views[0].metrics == dict(entry.result.metrics)
    assert views[0].curves["val_accuracy"] == (entry.result.metrics["val_accuracy"],)
    for wrong in ("0", "6", "abc", "zzzz"):
        with pytest.raises(UserError, match="it has trials 1 to 5"):
            wiring.trial_view("small", folder, wrong)


def test_the_report_is_the_one_delivered(in_process: Any) -> None:
    name, content = wiring.report_html("small", str(in_process.site.store_folder))
    assert name == "small"
    assert content == in_process.outcome.delivery.report.read_bytes()
    assert b"champion" in content


def test_a_stopped_search_in_every_view(site: Any) -> None:
    site.search(budget={"trials": 4})
    path = site.yaml(budget={"trials": 6})
    site.search(budget={"trials": 5})
    (row,) = wiring.search_rows(str(site.store_folder))
    assert (row.state, row.finished, row.trials) == ("searched", 5, 5)
    assert wiring.progress_view("small", str(site.store_folder)).phase == "searched, not delivered yet: run it again"
    with pytest.raises(UserError, match="has no report yet"):
        wiring.report_html(str(path), None)
    code, output = called("show", path)
    assert code == 0
    assert "val_accuracy" in output


def test_a_running_search_is_shown_with_its_holder(delivered_site: Any) -> None:
    records = delivered_site.records()
    with hold(records.store, f"{records.folder}/lease.json", Holder.here("a command of mine")):
        (row,) = wiring.search_rows(str(delivered_site.store_folder))
        assert row.state == "running"
        assert "a command of mine" in row.holder
        for options in ([], ["--new"]):
            code, output = called("run", delivered_site.root / "search.yaml", *options)
            assert code == 3
            assert "held by" in output
            assert "a command of mine" in output


def test_raising_the_budget_of_a_delivered_search_undelivers_it(delivered_site: Any) -> None:
    delivered_site.search(budget={"trials": 6})
    (row,) = wiring.search_rows(str(delivered_site.store_folder))
    assert (row.state, row.finished, row.trials) == ("searched", 6, 6)
    assert wiring.progress_view("small", str(delivered_site.store_folder)).phase != "delivered"


def test_gc_removes_what_nothing_needs_and_all_still_works(delivered_site: Any) -> None:
    site = delivered_site
    site.store.put("checkpoints/0123456789abcdef.safetensors", b"left behind")
    stray = site.store.local_folder() / "data" / "of-no-search"
    stray.mkdir()
    (stray / "images.npy").write_bytes(b"x" * 1000)
    pipeline = site.store.local_folder() / "pipelines" / "0123"
    pipeline.mkdir(parents=True)
    (pipeline / "log.txt").write_text("done")
    needed = set(site.store.keys("checkpoints/")) - {"checkpoints/0123456789abcdef.safetensors"}
    assert len(needed) == 3

    shown = wiring.garbage_view(str(site.store_folder), remove=False)
    kinds = {kind: (count, size) for kind, count, size in shown.items}
    assert kinds["checkpoints"] == (1, 11)
    assert kinds["artifacts of finished pipelines"] == (1, 4)
    assert kinds["prepared data"][0] >= 1
    assert stray.exists()
    removed = wiring.garbage_view(str(site.store_folder), remove=True)
    assert removed.removed
    assert removed.items == shown.items
    assert not stray.exists()
    assert not pipeline.exists()
    assert set(site.store.keys("checkpoints/")) == needed
    assert wiring.garbage_view(str(site.store_folder), remove=False).items == ()
    assert wiring.report_html("small", str(site.store_folder))[1]
    assert wiring.leaderboard_view("small", str(site.store_folder), None).hidden == 0
    before = site.results()
    again = site.search(deliver=True)
    assert again.delivery.repeated or again.delivery.registration is not None
    assert site.results() == before


def test_gc_leaves_a_running_search_alone(delivered_site: Any) -> None:
    site = delivered_site
    records = site.records()
    folder = site.store.local_folder() / "pipelines" / records.search_id
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("at work")
    with hold(records.store, f"{records.folder}/lease.json"):
        wiring.garbage_view(str(site.store_folder), remove=True)
        assert folder.exists()
    wiring.garbage_view(str(site.store_folder), remove=True)
    assert not folder.exists()


def test_gc_keeps_what_a_search_needs_that_cannot_be_read_here(delivered_site: Any) -> None:
    from nasflow.storage.documents import read_json, write_json

    site = delivered_site
    records = site.records()
    key = f"{records.folder}/search.json"
    document = read_json(site.store, key) or {}
    document["request"]["config"]["task"] = {"name": "of-a-plugin-that-is-gone"}
    write_json(site.store, key, document)
    assert wiring.search_rows(str(site.store_folder)) == []
    checkpoints = list(site.store.keys("checkpoints/"))
    wiring.garbage_view(str(site.store_folder), remove=True)
    assert list(site.store.keys("checkpoints/")) == checkpoints != []


def test_one_damaged_search_is_named(delivered_site: Any) -> None:
    records = delivered_site.records()
    path = Path(delivered_site.store_folder, records.folder, "search.json")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(IntegrityError, match=r"search\.json"):
        wiring.search_rows(str(delivered_site.store_folder))
    code, output = called("status", "--store", delivered_site.store_folder)
    assert code == 1
    assert "was cut or altered" in output
    assert "Traceback" not in output


DATA = {
    "missing": lambda folder: None,
    "empty": lambda folder: folder.mkdir(),
    "one class": lambda folder: pictures(folder / "cat", 12),
    "too few": lambda folder: [pictures(folder / "cat", 12), pictures(folder / "dog", 2)],
    "no images": lambda folder: [
        (folder / c).mkdir(parents=True) or (folder / c / "a.txt").write_text("x") for c in "ab"
    ],
    "a file": lambda folder: folder.write_text("x"),
    "all broken": lambda folder: [pictures(folder / c, 30, broken=True) for c in "ab"],
}


def pictures(folder: Path, count: int, broken: bool = False) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    for number in range(count):
        path = folder / f"{number}.png"
        if broken:
            path.write_bytes(b"\x89PNG but not really")
        else:
            Image.new("RGB", (16, 16), (number, len(folder.name), 0)).save(path)


@pytest.mark.parametrize("case", DATA)
@pytest.mark.parametrize("command", ["check", "run"])
def test_broken_data_are_refused_and_nothing_is_written(site: Any, command: str, case: str) -> None:
    DATA[case](site.root / "photos")
    path = site.yaml(data="photos")
    before = sorted(site.root.rglob("*"))
    started = time.time()
    code, output = called(command, path)
    if not (command == "check" and case == "all broken" and code == 0):  # `check` looks at names, not into all files
        assert code == 2, output
        assert output.startswith("nasflow:")
        assert "Traceback" not in output
        assert "photos" in output or "dog" in output
    assert sorted(site.root.rglob("*")) == before
    assert time.time() > started


def test_check_writes_nothing(site: Any) -> None:
    path = site.yaml()
    code, output = called("check", path)
    assert code == 0
    assert "small" in output
    assert [p.name for p in site.root.iterdir()] == ["search.yaml"]


def test_compile_writes_the_pipeline_alone(site: Any) -> None:
    path = site.yaml()
    target = site.root / "out" / "small.yaml"
    notes = wiring.compile_pipeline(path, target, IMAGE, "cpu-test")
    assert "no two pods share one" in notes[0]
    assert "resources.cpu and resources.memory_gib are not set for train_candidates and train_final" in notes[-1]
    assert "LimitRange" not in target.read_text()
    assert "nasflow-small" in target.read_text()
    assert IMAGE in target.read_text()
    assert sorted(p.name for p in site.root.iterdir()) == ["out", "search.yaml"]


def test_compile_refuses_a_tag_unless_told_and_writes_nothing(site: Any) -> None:
    path, target = site.yaml(), site.root / "small.yaml"
    named = ("compile", path, "--out", target, "--device-kind", "cpu-test", "--image", "nasflow:1")
    code, output = called(*named)
    assert (code, target.exists()) == (2, False)
    assert "'nasflow:1' is a tag, which may come to mean another" in " ".join(output.split())
    code, output = called("compile", path, "--out", target, "--device-kind", "cpu-test")
    assert (code, target.exists()) == (2, False)
    assert "no image is named" in " ".join(output.split())
    code, _ = called(*named, "--allow-tag")
    assert code == 0
    assert "image: nasflow:1\n" in target.read_text()


def test_compile_takes_another_store_for_the_pods(site: Any) -> None:
    path, target = site.yaml(), site.root / "small.yaml"
    notes = wiring.compile_pipeline(path, target, IMAGE, "cpu-test", store="s3://bucket/prefix")
    assert not any("no two pods share one" in note for note in notes)
    assert "s3://bucket/prefix" in target.read_text()
    with pytest.raises(ConfigError, match=r"^storage\.url holds a user or password; give them through the environment"):
        wiring.compile_pipeline(path, target, IMAGE, "cpu-test", store="s3://user:hunter2@bucket")


def test_compile_tells_the_line_of_what_cannot_be_searched(site: Any) -> None:
    path = site.yaml(training={"augment": {"cutout": 8}})
    code, output = called("compile", path, "--out", site.root / "small.yaml", "--image", IMAGE)
    assert code == 2
    assert "search.yaml, line " in output
    assert "training.augment.cutout must be below the size of the images, 8, not 8." in " ".join(output.split())
    assert [p.name for p in site.root.iterdir()] == ["search.yaml"]
