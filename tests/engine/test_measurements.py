"""What a search knows to be measured: nothing twice, all from one device, the same wherever it is read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine import measurements
from nasflow.engine.measurements import Measurements, check_measurable, measurement_key
from nasflow.engine.records import SearchRecords
from nasflow.engine.rounds import propose_round
from nasflow.errors import ConfigError, SearchError
from nasflow.objectives import Objective
from nasflow.spaces import Architecture, NetworkIO
from nasflow.testing.plugins import installed
from nasflow.training.job import TrainingJob
from nasflow.training.measuring import Measurement
from nasflow.trials import Status

STRANGER = """
from nasflow.errors import ConfigError

class Broken:
    direction, unit, version = "minimize", "", 1
    def device(self):
        raise ConfigError(["objectives: 'broken' needs a scale."])
    def measure(self, onnx, io):
        raise AssertionError("nobody asks it")

BROKEN = Broken()
"""

SPACE: dict[str, Any] = {"space": {"family": "mlp", "options": {"max_depth": 2}}}
PLAIN: dict[str, Any] = {**SPACE, "objectives": ["val_accuracy", "latency"]}
RELATIVE: dict[str, Any] = {**SPACE, "objectives": ["val_accuracy", {"name": "latency", "less_than": "reference"}]}


class Scale:
    """Takes the place of the process that measures: a network's latency is its place in the calls, or a failure."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.failing: set[str] = set()

    def __call__(self, job: TrainingJob, architectures: Any, names: Any, found: Any) -> None:
        for one in architectures:
            self.measured.append(one.id)
            if one.id in self.failing:
                found(Measurement(one, {}, Status.CRASHED, "it fell off the scale"))
            else:
                found(Measurement(one, {name: float(len(self.measured)) for name in names}))


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> Scale:
    stand_in = Scale()
    monkeypatch.setattr(measurements, "measure_networks", stand_in)
    return stand_in


def opened(plan: Any, records: SearchRecords) -> Measurements:
    return Measurements(plan, records, TrainingJob(plan.config, plan.bundle.root, plan.config.storage.url))


def architectures(plan: Any, records: SearchRecords) -> list[Architecture]:
    return [trial.architecture for trial in propose_round(plan, records, 0).trials]


def test_the_reference_is_measured_with_the_first_and_nothing_twice(planned: Any, kept: Any, scale: Scale) -> None:
    plan = planned(**PLAIN)
    records = kept(plan)
    first, second, third = architectures(plan, records)
    assert opened(plan, records).measure([first, second]) == {}
    assert scale.measured == [plan.reference.id, first.id, second.id]
    assert opened(plan, records).measure([second, third]) == {}
    assert scale.measured[3:] == [third.id]
    assert opened(plan, records).values(second) == {"latency": 3.0}


def test_a_search_without_measured_objectives_measures_nothing(planned: Any, kept: Any, scale: Scale) -> None:
    plan = planned(**SPACE)
    records = kept(plan)
    found = opened(plan, records)
    assert found.measure(architectures(plan, records)) == {}
    assert (found.objectives, scale.measured) == ((), [])
    assert list(records.store.keys(f"{records.folder}/devices")) == []


def test_another_search_finds_the_same_values(planned: Any, kept: Any, scale: Scale) -> None:
    plan, other = planned(**PLAIN), planned(**PLAIN, name="other")
    records, others = kept(plan), kept(other)
    networks = architectures(plan, records)
    opened(plan, records).measure(networks)
    once = list(scale.measured)
    opened(other, others).measure(networks)
    assert scale.measured == once
    assert [others.measured(one.id) for one in networks] == [records.measured(one.id) for one in networks]


def test_stopped_in_the_middle_it_goes_on(planned: Any, kept: Any, scale: Scale, monkeypatch: Any) -> None:
    plan = planned(**PLAIN)
    records = kept(plan)
    networks = architectures(plan, records)

    def stopped(job: Any, wanted: Any, names: Any, found: Any) -> None:
        scale(job, wanted[:2], names, found)
        raise KeyboardInterrupt

    monkeypatch.setattr(measurements, "measure_networks", stopped)
    with pytest.raises(KeyboardInterrupt):
        opened(plan, records).measure(networks)
    monkeypatch.setattr(measurements, "measure_networks", scale)
    opened(plan, records).measure(networks)
    assert scale.measured == [plan.reference.id, *(one.id for one in networks)]


def test_failures_are_told_and_not_kept(planned: Any, kept: Any, scale: Scale) -> None:
    plan = planned(**PLAIN)
    records = kept(plan)
    good, bad, _ = architectures(plan, records)
    scale.failing = {bad.id, plan.reference.id}
    failures = opened(plan, records).measure([good, bad])
    assert list(failures) == [bad.id]  # nothing hangs on the reference here
    assert (records.measured(bad.id), records.measured(good.id)) == ({}, {"latency": 2.0})
    scale.failing = set()
    assert opened(plan, records).measure([bad]) == {}


def test_a_bound_by_the_reference_needs_its_value(planned: Any, kept: Any, scale: Scale) -> None:
    plan = planned(**RELATIVE)
    records = kept(plan)
    scale.failing = {plan.reference.id}
    with pytest.raises(
        SearchError, match=r"^objectives\[1\]\.less_than: 'latency' cannot be measured on the reference"
    ):
        opened(plan, records).measure(architectures(plan, records))


def test_all_values_of_a_search_are_from_one_device(
    planned: Any, kept: Any, scale: Scale, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(**PLAIN)
    records = kept(plan)
    first, second, _ = architectures(plan, records)
    opened(plan, records).measure([first])
    monkeypatch.setattr("nasflow.exporting.latency.cpu_model", lambda: "Abacus 3")
    assert opened(plan, records).measure([first]) == {}  # known already
    with pytest.raises(
        SearchError, match=r"'latency' of this search is measured on '.*', and this machine is 'Abacus 3, "
    ):
        opened(plan, records).measure([second])
    other = planned(**PLAIN, name="other")
    others = kept(other)
    opened(other, others).measure([first])
    assert scale.measured.count(first.id) == 2  # the other device's value is another value
    assert records.measured(first.id) != others.measured(first.id)


def test_who_is_faster_in_measuring_the_same_network_wins(planned: Any, kept: Any, scale: Scale) -> None:
    plan, other = planned(**PLAIN), planned(**PLAIN, name="other")
    records, others = kept(plan), kept(other)
    network = architectures(plan, records)[0]

    def overtaken(job: Any, wanted: Any, names: Any, found: Any) -> None:
        patch.setattr(measurements, "measure_networks", scale)
        opened(other, others).measure([network])
        scale(job, wanted, names, found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measurements, "measure_networks", overtaken)
        opened(plan, records).measure([network])
    assert scale.measured.count(network.id) == 2
    assert records.measured(network.id) == others.measured(network.id) == {"latency": 2.0}


def test_the_key_holds_what_the_value_hangs_on(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(**PLAIN)
    io = plan.space.io

    def key(architecture: Architecture, io: NetworkIO = io, device: str = "here") -> str:
        return measurement_key(plan.config, architecture, io, "latency", device)

    form = {"layers": [3]}
    base = key(Architecture("mlp", {}, form))
    same = Architecture("mlp", {"depth": 1}, form, recipe={"learning_rate": 0.1})
    assert key(same) == base
    others = [
        key(Architecture("mlp", {}, {"layers": [4]})),
        key(Architecture("cnn", {}, form)),
        key(Architecture("mlp", {}, form, resolution=4)),
        key(Architecture("mlp", {}, form), NetworkIO(io.channels, io.size + 1, io.outputs)),
        key(Architecture("mlp", {}, form), device="there"),
    ]
    monkeypatch.setattr("nasflow.exporting.latency.Latency.version", 2)
    others.append(key(Architecture("mlp", {}, form)))
    assert len({base, *others}) == 7


def test_what_cannot_be_measured_here_is_refused_at_the_door(tmp_path: Path) -> None:
    check_measurable([Objective("latency", "minimize", measured=True), Objective("broken", "minimize")])
    (tmp_path / "broken_scale.py").write_text(STRANGER)
    with installed(tmp_path, {"objectives": {"broken": "broken_scale:BROKEN"}}, name="broken"):
        with pytest.raises(ConfigError) as caught:
            check_measurable(
                [Objective("latency", "minimize", measured=True), Objective("broken", "minimize", measured=True)]
            )
        assert caught.value.problems == ("objectives: 'broken' needs a scale.",)


def measured_values(site: Any) -> dict[str, bytes]:
    return {key: site.store.get(key) for key in site.store.keys("measurements/")}


@pytest.mark.slow
def test_a_pipeline_killed_while_it_measures_goes_on_and_tells_all(site: Any, helpers: Any) -> None:
    """By the command, killed twice, then in this process: the same numbers in history, MLflow and table."""
    site.ready()
    path = site.yaml(objectives=["val_accuracy", {"name": "latency", "less_than": "reference"}])
    known: dict[str, bytes] = {}
    for count in (1, 5):
        process = site.popen("run", path)
        while len(measured_values(site)) < count and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, process.communicate()[0]
        helpers.kill_group(process)
        assert known.items() <= measured_values(site).items()
        known = measured_values(site)
    code, output = site.command("run", path)
    assert code == 0, output
    assert known.items() <= measured_values(site).items()
    assert len(measured_values(site)) == 6  # five trials and the reference
    site.accounted(5)
    found = {e.trial.id: e.result.metrics["latency"] for e in site.history() if e.result}
    runs = {r.data.tags["nasflow.trial_id"]: r for r in site.runs() if r.data.tags["nasflow.kind"] == "trial"}
    assert {trial_id: run.data.metrics["latency"] for trial_id, run in runs.items()} == found
    finals = [run for run in site.runs() if run.data.tags["nasflow.kind"] in ("final", "reference")]
    assert all(run.data.metrics["latency"] > 0 for run in finals)
    code, shown = site.command("show", path)
    assert code == 0
    assert all(f"{value:.4g}" in shown for value in found.values())
    outcome = site.search(deliver=True, objectives=["val_accuracy", {"name": "latency", "less_than": "reference"}])
    assert outcome.delivery.repeated
    assert {e.trial.id: e.result.metrics["latency"] for e in outcome.history} == found
    winner, reference = outcome.delivery.outcome.winner.result, outcome.delivery.outcome.reference.result
    assert winner.metrics["latency"] < reference.metrics["latency"]
