"""What the fields of a pod, each by itself, cannot see: settings that no pod can have together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasflow.config.joining import file_users, pod_of
from nasflow.config.lines import Path, dotted
from nasflow.config.pods import AcceleratorConfig, PodConfig
from nasflow.config.steps import STEPS, TRAINING, Step, users_of

if TYPE_CHECKING:
    from nasflow.config.model import SearchConfig

CACHE = "/cache"
"""Where the cache is mounted."""

_TAKEN = (CACHE, "/dev/shm", "/tmp", "/kfp", "/var/run/argo")


@dataclass(frozen=True)
class PodProblem:
    """Something that no pod can have.

    Attributes:
        path: The value to change.
        text: The sentence, with the field's name.
    """

    path: Path
    text: str


def pod_problems(config: SearchConfig) -> Iterator[PodProblem]:
    """Yield everything about the pods of a search that their fields cannot see."""
    yield from _accelerators(config)
    yield from _strays(config)
    told: set[PodProblem] = set()
    for step in STEPS:
        pod = pod_of(config, step)
        own: Path = ("resources", "steps", step) if step in config.resources.steps else ("resources",)
        problems = {
            PodProblem(own, f"{dotted(own)}.{text}"): None
            for text in (*_shared_memory(pod), *_variables(pod), *_mounts(pod))
        }
        yield from (problem for problem in problems if problem not in told)
        told.update(problems)


def accelerated(config: SearchConfig, step: Step) -> AcceleratorConfig | None:
    """Return the accelerators of a step's pod, or None where it has none."""
    found = pod_of(config, step).accelerator
    return found if found is not None and found.count else None


def _accelerators(config: SearchConfig) -> Iterator[PodProblem]:
    kinds: dict[Step, str | None] = {}
    for step in (each for each in STEPS if each in TRAINING):
        found = accelerated(config, step)
        kinds[step] = found.type if found else None
    general = kinds["train_candidates"]
    for step, kind in kinds.items():
        if kind != general:
            text = (
                f"resources.steps.{step}.accelerator must be of the type of train_candidates "
                f"({general or 'none'}), not {kind or 'none'}: a search trains on one kind of device."
            )
            named = step if step in config.resources.steps else "train_candidates"
            yield PodProblem(("resources", "steps", named), text)
    if general and config.resources.device == "cpu":
        text = "resources.accelerator has no use where resources.device is 'cpu'; remove one of the two lines."
        yield PodProblem(("resources", "accelerator"), text)


def _strays(config: SearchConfig) -> Iterator[PodProblem]:
    """Yield the Secrets of all steps that no step is known to use."""
    resources = config.resources
    for secret, variables in resources.secrets.items():
        for variable in (name for name in variables if users_of(name) is None):
            text = (
                f"resources.secrets.{secret}: nasflow cannot tell which steps use {variable}; move it to "
                "resources.steps.STEP.secrets of those that do."
            )
            yield PodProblem(("resources", "secrets", secret), text)
    for secret, path in resources.secret_files.items():
        if file_users(config, path) is None:
            text = (
                f"resources.secret_files.{secret}: no variable in resources.env that nasflow knows points to '{path}'; "
                f"add one, as in NASFLOW_S3_CREDENTIALS: {path}, or move it to resources.steps.STEP.secret_files."
            )
            yield PodProblem(("resources", "secret_files", secret), text)


def _shared_memory(pod: PodConfig) -> Iterator[str]:
    shared, memory = pod.shared_memory_gib, pod.memory_gib
    if shared is not None and memory is not None and shared >= memory:
        yield f"shared_memory_gib must be below memory_gib ({memory:g}), of which it is a part, not {shared:g}."


def _variables(pod: PodConfig) -> Iterator[str]:
    names = [*pod.env, *(name for each in (pod.secrets, pod.config_maps) for keys in each.values() for name in keys)]
    for name in (name for name, count in Counter(names).items() if count > 1):
        yield f"env: {name} is given more than once in secrets, config_maps and env; keep one."


def _mounts(pod: PodConfig) -> Iterator[str]:
    seen: dict[str, str] = {}
    for secret, path in pod.secret_files.items():
        rival = next((taken for taken in (*_TAKEN, *seen) if _overlap(path, taken)), None)
        if rival is not None:
            owner = f"where '{seen[rival]}' is" if rival in seen else "which pods have for themselves"
            yield f"secret_files.{secret} must be apart from '{rival}', {owner}, not '{path}'."
        seen[path] = secret
    if pod.cache is not None and pod.cache in pod.secret_files:
        yield f"cache and secret_files both name '{pod.cache}', and volumes are named after them; rename one."


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
