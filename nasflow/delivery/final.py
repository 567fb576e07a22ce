"""Full training of the best candidates and of the reference, and the one look at the test samples."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from nasflow.engine.hours import final_epochs
from nasflow.engine.keeping import keep_best
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import delivery_asked, extent_asked
from nasflow.engine.speeds import kept_training
from nasflow.engine.trialling import Listener, train_trials
from nasflow.errors import IntegrityError, SearchError
from nasflow.objectives import feasible, rank_key
from nasflow.training.job import TrainingJob
from nasflow.trials import Entry, Trial, TrialResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasflow.delivery.outcome import Outcome, Trained
    from nasflow.tracking import Kind, Tracker

_NO_ARRAYS = (ValueError, LookupError, TypeError, OSError, EOFError, NotImplementedError, RuntimeError, OverflowError)
"""What NumPy and zipfile say of an .npz file that is none."""


def train_final(
    plan: Plan,
    records: SearchRecords,
    selected: Sequence[str],
    tracker: Tracker,
    listener: Listener | None = None,
) -> Outcome:
    """Train the selected candidates and the reference in full; test the best of them on validation, and the reference.

    One of them that fails is no reason not to deliver the others; it is tried again with the next delivery. Where the
    plan has a deadline, they get as many of the final epochs as there is time for, and a delivery that goes on keeps
    to that.

    Args:
        plan: The search.
        records: Its part of the store.
        selected: Ids of the search's trials whose architectures are trained, best first.
        tracker: Where the runs go.
        listener: Told of every training event.

    Raises:
        SearchError: No candidate could be trained in full.
    """
    trials, kinds, reference = _laid_down(plan, records, selected)
    if plan.config.storage.keep == "best":
        keep_best(records, selected)
    _import_meanwhile("nasflow.training.evaluation")
    results = train_trials(plan, records, trials, kinds, tracker, task="final", listener=listener)
    entries = [Entry(trial, result) for trial, result in zip(trials, results, strict=True)]
    finalists = [entry for entry, kind in zip(entries, kinds, strict=True) if kind == "final"]
    good = [e for e in finalists if e.result is not None and feasible(plan.objectives, e.result)]
    if not good:
        causes = "; ".join(e.result.cause or str(e.result.status) for e in finalists if e.result is not None)
        raise SearchError(f"none of the {len(finalists)} best candidates could be trained in full: {causes}")
    winner = min(good, key=lambda entry: rank_key(plan.objectives, entry))
    return _outcome(plan, records, finalists, winner, _by_id(entries, reference))


def _laid_down(plan: Plan, records: SearchRecords, selected: Sequence[str]) -> tuple[list[Trial], list[Kind], Trial]:
    """Return the full trainings with their kinds, and that of the reference, once they are written down."""
    by_id = {entry.trial.id: entry.trial.architecture for entry in records.history()}
    if strange := [trial_id for trial_id in selected if trial_id not in by_id]:
        raise IntegrityError(f"trial {strange[0]} was selected, but is none of this search; the selection is damaged.")
    architectures = [by_id[trial_id] for trial_id in selected]
    asked, known = delivery_asked(plan.config), records.read("finals")
    if known is not None and known["asked"] == asked:
        epochs = known["epochs"]
    else:
        kept = kept_training(plan, records, plan.reference)
        epochs = final_epochs(plan, records, architectures if kept else [*architectures, plan.reference])
    trials = [plan.full_training(architecture, epochs) for architecture in architectures]
    reference = kept_training(plan, records, plan.reference) or plan.full_training(plan.reference, epochs)
    kinds: list[Kind] = ["final"] * len(trials)
    if reference.id not in {trial.id for trial in trials}:
        trials, kinds = [*trials, reference], [*kinds, "reference"]
    documents = [trial.to_json() for trial in trials]
    told = {"asked": asked, "extent": extent_asked(plan.config), "epochs": epochs}
    records.write("finals", {**told, "trials": documents, "kinds": kinds})
    return trials, kinds, reference


def _import_meanwhile(module: str) -> None:
    """Begin an import that is needed later and takes seconds; who needs it then waits for it, if it is not over yet."""
    Thread(target=import_module, args=(module,), name="nasflow-import", daemon=True).start()


def _by_id(entries: Sequence[Entry], trial: Trial) -> Entry:
    return next(entry for entry in entries if entry.trial.id == trial.id)


def _outcome(plan: Plan, records: SearchRecords, finalists: list[Entry], winner: Entry, reference: Entry) -> Outcome:
    """Look at the test samples: once, and for these two alone, or for one where the reference failed."""
    from nasflow.delivery.comparing import comparer
    from nasflow.delivery.intervals import keep_intervals
    from nasflow.delivery.outcome import Outcome

    found: dict[str, NDArray[np.float32]] = {}
    best, other = (_tested(plan, entry, found) for entry in (winner, reference))
    key = f"{records.folder}/predictions.npz"
    records.store.put(key, _packed(found))
    keep_intervals(plan, records, found)
    compare, targets = comparer(plan.task, plan.config.seed), plan.bundle.targets("test")
    theirs = found.get(reference.trial.id)
    return Outcome(
        search_id=plan.search_id,
        winner=best,
        reference=other,
        finalists=tuple((e.trial, e.result) for e in finalists if e.result is not None),
        comparison=None if theirs is None else compare(found[winner.trial.id], theirs, targets),
        predictions=key,
    )


def _tested(plan: Plan, entry: Entry, found: dict[str, NDArray[np.float32]]) -> Trained:
    """Test a network whose training succeeded; its probabilities go into `found`, by trial id."""
    from nasflow.delivery.outcome import Trained
    from nasflow.training.evaluation import evaluate

    result = _known(entry)
    if result.status.failed:
        return Trained(entry.trial, result)
    metrics, found[entry.trial.id] = evaluate(entry.trial, final_job(plan), "test")
    return Trained(entry.trial, result, metrics)


def _known(entry: Entry) -> TrialResult:
    if entry.result is None:
        raise SearchError(f"the full training {entry.trial.id} has no result; run the same command again.")
    return entry.result


def final_job(plan: Plan) -> TrainingJob:
    """Return the job that full trainings are run by, weights kept."""
    return TrainingJob(plan.final_config, plan.bundle.root, plan.config.storage.url, keep_weights=True)


def test_probabilities(records: SearchRecords, outcome: Outcome) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities on the test samples, float32 (N, outputs), of the networks tested, by trial id.

    They are the winner and, unless its training failed, the reference.

    Raises:
        IntegrityError: They are missing or damaged.
    """
    import numpy as np

    content = records.store.get(outcome.predictions)
    try:
        if content is None:
            raise ValueError("nothing is there")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            tested = [t for t in (outcome.winner, outcome.reference) if not t.result.status.failed]
            return {trained.trial.id: arrays[trained.trial.id] for trained in tested}
    except (*_NO_ARRAYS, zipfile.BadZipFile, zlib.error) as error:
        raise IntegrityError(f"the predictions in '{outcome.predictions}' cannot be read: {error}") from error


def confusion_matrix(plan: Plan, records: SearchRecords, outcome: Outcome) -> NDArray[np.int64]:
    """Return the winner's confusion matrix on the test samples: int64 (outputs, outputs), true classes by row."""
    import numpy as np

    predicted = test_probabilities(records, outcome)[outcome.winner.trial.id].argmax(1)
    count = len(plan.bundle.classes)
    flat = np.asarray(plan.bundle.targets("test")) * count + predicted
    return np.bincount(flat, minlength=count * count).reshape(count, count).astype(np.int64)


def _packed(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
