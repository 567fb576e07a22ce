"""What happens before a search runs: everything checked, the data prepared, the search identified."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.data.opening import inspect_source
from nasflow.data.protocol import Summary
from nasflow.engine.kept import holder_of
from nasflow.engine.plan import Plan, make_objectives, make_space
from nasflow.engine.preparing import prepared
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request, anchored
from nasflow.errors import HeldError, SearchError
from nasflow.ids import digest
from nasflow.objectives import Objective
from nasflow.spaces import SearchSpace
from nasflow.storage import Store
from nasflow.storage.documents import read_json, write_json
from nasflow.tasks.loading import load_task

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Admitted:
    """A search that may run.

    Attributes:
        plan: The search worked out.
        records: Its part of the store.
    """

    plan: Plan
    records: SearchRecords


@dataclass(frozen=True)
class Outlook:
    """What would be searched, known without preparing the data.

    Attributes:
        summary: What the source holds.
        space: The networks that may be proposed.
        objectives: What makes a network good, bounds resolved.
    """

    summary: Summary
    space: SearchSpace
    objectives: tuple[Objective, ...]


def outlook(config: SearchConfig, base: Path) -> Outlook:
    """Look at data and space and check that a search can be made of them; writes nothing.

    Raises:
        UserError: The data, the space or the objectives cannot be used.
    """
    task = load_task(config)
    summary = inspect_source(config.data, base)
    io = task.io(summary)
    task.augmenter(config.training, io)  # raises where the recipe does not fit the images
    space = make_space(config, task, io)
    space.sample(random.Random(0))  # raises where the constraints leave nothing
    return Outlook(summary, space, make_objectives(config, task, io))


def admit(config: SearchConfig, base: Path, *, anew: bool = False, on_progress: Progress | None = None) -> Admitted:
    """Prepare the data, check everything that can be checked, and identify the search.

    Args:
        config: The configuration, validated.
        base: Folder that relative data paths start at.
        anew: Start the search anew even where it has run before.
        on_progress: Told of samples prepared and samples in all.

    Raises:
        UserError: The data, the space or the objectives cannot be used; nothing is left behind.
        HeldError: It is to start anew while it runs.
        SearchError: The device cannot be used.
    """
    config = anchored(config)
    request = Request(config, base.resolve(), "", 0)
    outlook(config, request.base)
    store = request.store()
    probe = _DeviceProbe(config, store)
    try:
        bundle = prepared(config.data, request.base, store, on_progress)
        task = load_task(config)
        space = make_space(config, task, task.io(bundle))
        plan = Plan(replace(request, device_kind=probe.result()), bundle, space)
    finally:
        probe.close()
    plan = _present(plan, store)
    if anew:
        plan = _following(plan, store)
    return Admitted(plan, SearchRecords(store, plan.search_id))


def _present(plan: Plan, store: Store) -> Plan:
    """Return the plan of the present generation of a search, from that of the first one."""
    known = SearchRecords(store, plan.search_id).read("generation")
    return plan.in_generation(int(known["generation"])) if known else plan


def _following(plan: Plan, store: Store) -> Plan:
    """Return the plan of the generation after the present one, which becomes the present one; one never begun stays.

    Raises:
        HeldError: The present one is running.
    """
    present = SearchRecords(store, plan.search_id)
    if present.description() is None:
        return plan
    if holder := holder_of(present):
        raise HeldError(
            f"search '{plan.config.name}' is held by {holder}; wait until it ends, or stop that process, before you "
            f"start it anew."
        )
    following = plan.in_generation(plan.request.generation + 1)
    first = SearchRecords(store, plan.in_generation(0).search_id)
    first.write("generation", {"generation": following.request.generation})
    return following


class _DeviceProbe:
    """Asks a process of its own for the device kind, since that takes an import of torch; remembers the answer."""

    def __init__(self, config: SearchConfig, store: Store) -> None:
        self._store = store
        self._key = "devices/" + digest(
            [
                socket.gethostname(),
                version("torch"),
                config.resources.device,
                *(os.environ.get(name, "") for name in ("CUDA_VISIBLE_DEVICES", "ATEN_CPU_CAPABILITY")),
            ]
        )
        known = read_json(store, f"{self._key}.json")
        self._known: str | None = known["kind"] if known else None
        self._process: subprocess.Popen[str] | None = None
        if self._known is None:
            program = (
                "import sys; from nasflow.config import ResourcesConfig;"
                "from nasflow.training.device import device_kind;"
                "print(device_kind(ResourcesConfig.model_validate_json(sys.argv[1])))"
            )
            self._process = subprocess.Popen(
                [sys.executable, "-c", program, config.resources.model_dump_json()],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def close(self) -> None:
        """End the process, where nobody has waited for its answer."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def result(self) -> str:
        """Wait for the answer.

        Raises:
            SearchError: The device cannot be used.
        """
        if self._process is None:
            return str(self._known)
        answer, errors = self._process.communicate()
        if self._process.returncode:
            last = errors.strip().splitlines()[-1] if errors.strip() else f"exit status {self._process.returncode}"
            raise SearchError(f"the training device cannot be used: {last}")
        kind = answer.strip()
        write_json(self._store, f"{self._key}.json", {"kind": kind})
        return kind
