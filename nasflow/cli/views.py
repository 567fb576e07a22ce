"""What commands show, as plain data; `tables.py` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PlanView:
    """What a search would do.

    Attributes:
        name: The search.
        config: The file it comes from.
        data: Source and what it holds, in a line.
        task: What is learned.
        space: Family and size, in a line.
        space_size: Number of assignments.
        canonical_size: Number of different networks within the constraints, or None where they are too many to count.
        constraints: Limits of the space, as text.
        strategy: Name and options, in a line.
        objectives: What makes a network good, the deciding one first.
        rounds: Number of rounds.
        shards: Tasks in a full round.
        trials: Trials in all.
        epochs: Epochs of a trial.
        finals: Networks trained in full, the reference not counted.
        final_epochs: Epochs of a full training.
        workers: Trials trained at the same time in one task.
        threads: CPU threads of a trial.
        device: What trains.
        writes: What is written, and where.
        time: About how long it takes, and what for, in a line; empty where nobody has measured.
        notes: Sentences that the user should read before launching.
    """

    name: str
    config: str
    data: str
    task: str
    space: str
    space_size: int
    canonical_size: int | None
    constraints: tuple[str, ...]
    strategy: str
    objectives: tuple[str, ...]
    rounds: int
    shards: int
    trials: int
    epochs: int
    finals: int
    final_epochs: int
    workers: int
    threads: int
    device: str
    writes: tuple[tuple[str, str], ...]
    time: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialRow:
    """A trial in a table.

    Attributes:
        number: Its place in the search, from 1.
        architecture: Id of the network.
        status: How it ended; `running` or `waiting` before.
        values: Objectives by name; missing where unknown.
        epochs: Epochs trained.
        seconds: Training time, or None.
        origin: How it came about.
        cause: Why it failed or was rejected, or empty.
        reused: Whether an earlier search had trained it.
    """

    number: int
    architecture: str
    status: str
    values: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: float | None = None
    origin: str = ""
    cause: str = ""
    reused: bool = False


@dataclass(frozen=True)
class LeaderboardView:
    """The trials of a search, best first.

    Attributes:
        name: The search.
        objectives: Names of the objectives, the deciding one first.
        rows: The trials shown.
        hidden: Number of trials not shown.
        counts: Trials by how they ended, as in `{"completed": 20, "timed_out": 4}`.
        reference: The reference network's values by objective, where known.
    """

    name: str
    objectives: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    hidden: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    reference: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialView:
    """One trial in detail.

    Attributes:
        search: Name of its search.
        number: Its place, from 1.
        trial_id: Its id.
        architecture_id: Id of its network.
        family: The network's family.
        choices: What was chosen, in the space's order.
        status: How it ended.
        cause: Why it failed or was rejected, or empty.
        metrics: Final values by name.
        curves: Values epoch by epoch, by name.
        epochs: Epochs trained, and epochs asked for.
        parents: Ids of the architectures it came from.
        origin: How it came about.
        device: What trained it.
        seconds: Training time, or None.
    """

    search: str
    number: int
    trial_id: str
    architecture_id: str
    family: str
    choices: Mapping[str, object]
    status: str
    cause: str
    metrics: Mapping[str, float]
    curves: Mapping[str, tuple[float, ...]]
    epochs: tuple[int, int]
    parents: tuple[str, ...] = ()
    origin: str = ""
    device: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class SearchRow:
    """A search in the list of searches.

    Attributes:
        name: Its name.
        search_id: Its id.
        state: `running`, `stopped`, `searched` (not delivered yet) or `delivered`.
        finished: Trials with a result.
        trials: Trials of the budget.
        failed: Failed trials.
        objective: Name of the deciding objective.
        best: Its best value, or None.
        updated_at: Unix seconds of the last change, or None.
        holder: Who holds it, where it runs.
    """

    name: str
    search_id: str
    state: str
    finished: int
    trials: int
    failed: int
    objective: str
    best: float | None
    updated_at: float | None = None
    holder: str = ""


@dataclass(frozen=True)
class SummaryView:
    """What came of a search.

    Attributes:
        name: The search.
        winner: Id of the winning architecture.
        metrics: Metric, the winner's value, the reference's value (None where unknown).
        verdict: Winner against reference in a sentence, with the uncertainty.
        trials: Trials in all.
        failed: Trials that failed.
        rejected: Trials rejected before training.
        reused: Trials found trained already.
        seconds: From the first start to the end.
        registered: Model, version and alias in a phrase, or empty where nothing was registered.
        why: Why it got that alias, in a sentence.
        files: What was written, and where.
        next_steps: What to do next and the command for it.
        repeated: Whether the search had been delivered before and nothing was done now.
        notes: Sentences that the user should read.
    """

    name: str
    winner: str
    metrics: tuple[tuple[str, float | None, float | None], ...]
    verdict: str
    trials: int
    failed: int
    rejected: int
    reused: int
    seconds: float
    registered: str = ""
    why: str = ""
    files: tuple[tuple[str, str], ...] = ()
    next_steps: tuple[tuple[str, str], ...] = ()
    repeated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefreshView:
    """What a refresh came to.

    Attributes:
        name: The search.
        headline: Whether something was done, in a word or two.
        sentences: What was found and decided.
        facts: The figures, by name.
        files: What was written, and where.
        next_steps: What to do next and the command for it.
    """

    name: str
    headline: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    next_steps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class GarbageView:
    """What `gc` removes.

    Attributes:
        items: What, how many objects, how many bytes.
        removed: Whether it is gone already, or would go.
    """

    items: tuple[tuple[str, int, int], ...]
    removed: bool


@dataclass(frozen=True)
class ScheduleRow:
    """A schedule on a cluster.

    Attributes:
        name: Of the schedule.
        cron: When, as the user wrote it.
        zone: Time zone of that.
        enabled: Whether it starts runs.
        following: When it starts the next one, in its zone, as text.
        until: Day until which it is laid out, as text; empty for ever.
    """

    name: str
    cron: str
    zone: str
    enabled: bool
    following: str = "–"
    until: str = ""
