"""What is measured on the networks of a search before they are trained: kept, so that nothing is measured twice."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nasflow.config import SearchConfig
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.errors import ConfigError, SearchError
from nasflow.ids import digest
from nasflow.objectives import Objective
from nasflow.objectives.loading import load_measured
from nasflow.plugins import load
from nasflow.spaces import Architecture, NetworkIO
from nasflow.storage.documents import create_json, read_json
from nasflow.training.job import TrainingJob
from nasflow.training.measuring import Measurement, measure_networks


def check_measurable(objectives: Sequence[Objective]) -> None:
    """Refuse objectives that cannot be measured on this machine.

    Raises:
        ConfigError: One cannot; the sentence says why.
    """
    problems: list[str] = []
    for objective in objectives:
        if objective.measured:
            try:
                load_measured(objective.name).device()
            except ConfigError as error:
                problems += error.problems
    if problems:
        raise ConfigError(problems)


class Measurements:
    """The measured objectives of one search.

    A value is kept twice: for all searches, under all that it hangs on (network, image, task, device, method), so that
    nothing is measured again; and for this search, whose history must read the same on any machine. All values of a
    search are from one device, that of the first.

    Args:
        plan: The search.
        records: Its part of the store.
        job: Data and task, as training has them.
    """

    def __init__(self, plan: Plan, records: SearchRecords, job: TrainingJob) -> None:
        self._plan, self._records, self._job = plan, records, job
        self._store = records.store
        self.objectives = tuple(objective for objective in plan.objectives if objective.measured)
        self._names = [objective.name for objective in self.objectives]

    def measure(self, architectures: Sequence[Architecture]) -> dict[str, Measurement]:
        """Return the failures, by architecture, of measuring those of the networks that this search does not know.

        Args:
            architectures: The networks; the reference network is measured with them, to be compared with.

        Raises:
            SearchError: This machine is another device than the search's, or the reference network is to bound the
                others and cannot be measured.
        """
        if not self._names:
            return {}
        wanted = {one.id: one for one in [self._plan.reference, *architectures]}
        unknown = [one for one in wanted.values() if set(self.values(one)) < set(self._names)]
        failures: dict[str, Measurement] = {}
        if unknown:
            devices = self._pinned()
            rest = [one for one in unknown if not self._found(one, devices)]

            def found(measurement: Measurement) -> None:
                if measurement.values:
                    self._keep(measurement, devices)
                else:
                    failures[measurement.architecture.id] = measurement

            measure_networks(self._job, rest, self._names, found)
        self._check_reference(failures.pop(self._plan.reference.id, None))
        return failures

    def values(self, architecture: Architecture) -> Mapping[str, float]:
        """Return what this search knows to be measured on a network, by objective."""
        return self._records.measured(architecture.id)

    def _check_reference(self, failure: Measurement | None) -> None:
        for place, objective in enumerate(self._plan.objectives):
            if failure is not None and objective.below_reference:
                raise SearchError(
                    f"objectives[{place}].less_than: '{objective.name}' cannot be measured on the reference network: "
                    f"{failure.cause}; give a number."
                )

    def _pinned(self) -> dict[str, str]:
        """Return the device of each objective, after a comparison with that of the search's first values."""
        here = {name: load_measured(name).device() for name in self._names}
        if not self._records.create("devices", {"schema_version": 1, "devices": here}):
            known = (self._records.read("devices") or {"devices": here})["devices"]
            for name, device in here.items():
                if known[name] != device:
                    raise SearchError(
                        f"'{name}' of this search is measured on '{known[name]}', and this machine is '{device}': run "
                        f"it there, or start it anew with --new; on a cluster, let its pods run on one kind of node."
                    )
        return here

    def _found(self, architecture: Architecture, devices: Mapping[str, str]) -> bool:
        """Take the values of another search; return whether all were there."""
        documents = {name: read_json(self._store, self._key(architecture, name, devices[name])) for name in self._names}
        known = {name: float(document["value"]) for name, document in documents.items() if document is not None}
        complete = set(known) == set(self._names)
        if complete:
            self._records.keep_measured(architecture.id, known)
        return complete

    def _keep(self, measurement: Measurement, devices: Mapping[str, str]) -> None:
        """Keep values; where somebody was faster, theirs stand."""
        architecture, standing = measurement.architecture, {}
        for name, value in measurement.values.items():
            key = self._key(architecture, name, devices[name])
            document: dict[str, Any] = {
                "schema_version": 1,
                "objective": name,
                "value": value,
                "unit": load_measured(name).unit,
                "device": devices[name],
                "architecture": architecture.to_json(),
                "measured_at": time.time(),
            }
            if not create_json(self._store, key, document):
                document = read_json(self._store, key) or document
            standing[name] = float(document["value"])
        self._records.keep_measured(architecture.id, standing)

    def _key(self, architecture: Architecture, name: str, device: str) -> str:
        return measurement_key(self._plan.config, architecture, self._plan.space.io, name, device)


def measurement_key(config: SearchConfig, architecture: Architecture, io: NetworkIO, name: str, device: str) -> str:
    """Return the key in the store of a measured value: a hash of all that it hangs on.

    Args:
        config: Of the search; only its task enters.
        architecture: The network; its recipe does not enter.
        io: What goes in and what comes out.
        name: The measured objective.
        device: What it is measured on.
    """
    options = load("tasks", config.task.name).Options.model_validate(config.task.options)
    parts: dict[str, Any] = {
        "family": architecture.family,
        "form": architecture.form,
        "resolution": architecture.resolution,
        "io": vars(io),
        "task": {"name": config.task.name, "options": options.model_dump(mode="json")},
        "objective": name,
        "version": load_measured(name).version,
        "device": device,
    }
    return f"measurements/{digest(parts)}.json"
