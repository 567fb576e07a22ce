"""The end of a search: export, report, registration. Done again, it renews the report and registers nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from nasflow.delivery.comparing import comparer
from nasflow.delivery.exporting import export_winner
from nasflow.delivery.final import test_probabilities
from nasflow.delivery.outcome import Outcome, Registration
from nasflow.delivery.refresh.samples import check_unseen, keep_samples
from nasflow.delivery.refresh.standing import REFRESH_TAG
from nasflow.delivery.registering import register
from nasflow.delivery.reporting import report_page, write_report
from nasflow.delivery.submission import Submission
from nasflow.engine.concluding import NOTE, Training, complete, trainings
from nasflow.engine.plan import Plan
from nasflow.engine.records import RETRIED_ACROSS_SEARCHES, SearchRecords
from nasflow.engine.request import delivery_asked
from nasflow.engine.trialling import open_tracker
from nasflow.errors import TrackingError
from nasflow.ids import digest
from nasflow.serving.classifier import METADATA_FILE
from nasflow.tracking import Tracker, patiently, tracking_target

MODEL = "model.onnx"
REPORT = "report.html"


@dataclass(frozen=True)
class Delivery:
    """What a search has delivered.

    Attributes:
        outcome: The winner, the reference and their comparison.
        registration: The registered version, or None where registering is switched off.
        model: The ONNX file.
        report: The report.
        run_id: The search's MLflow run; empty where it could not be written.
        repeated: Whether it had been delivered before.
        untracked: Which runs MLflow lacks and why, in a sentence; empty where it has all.
    """

    outcome: Outcome
    registration: Registration | None
    model: Path
    report: Path
    run_id: str
    repeated: bool = False
    untracked: str = ""

    @property
    def sentences(self) -> list[str]:
        """What was delivered, in a few sentences."""
        known = self.registration
        registered = (
            f"Registered: {known.name}, version {known.version}, as {known.alias}. {known.why}" if known else ""
        )
        said = [registered or "Nothing is registered, since registry.enabled is false.", self.outcome.verdict]
        return [*said, self.untracked] if self.untracked else said


def delivered(plan: Plan, records: SearchRecords) -> Delivery | None:
    """Return what was delivered for exactly this request, or None where that is still to be done.

    That is also so where the reference could not be trained by bad luck, as when its process died.
    """
    document = records.read("delivered")
    if document is None or document["asked"] != delivery_asked(plan.config):
        return None
    if document["tracking"] != digest(_target(plan, records)):
        return None
    outcome = Outcome.from_json(document["outcome"])
    if outcome.reference.result.status in RETRIED_ACROSS_SEARCHES:
        return None
    delivery = Delivery(
        outcome,
        Registration.from_json(document["registration"]) if document["registration"] else None,
        _local(records, MODEL, METADATA_FILE),
        _local(records, REPORT),
        document["run_id"],
        untracked=document.get("untracked", ""),
    )
    return delivery if delivery.model.exists() and delivery.report.exists() else None


def deliver(plan: Plan, records: SearchRecords, outcome: Outcome) -> Delivery:
    """Export, explain and register the winner, all in this process.

    Raises:
        SearchError: The winner cannot be exported.
        TrackingError: MLflow cannot be used, and the model is to be registered; running the search again does what is
            missing.
    """
    with TemporaryDirectory(prefix="nasflow-") as folder:
        model, report = Path(folder, MODEL), Path(folder, REPORT)
        export_winner(plan, outcome, model)
        write_report(plan, records, outcome, report)
        return finish(plan, records, outcome, model, report)


def finish(plan: Plan, records: SearchRecords, outcome: Outcome, model: Path, report: Path) -> Delivery:
    """Complete the MLflow runs, register the winner, and keep model and report in the store.

    MLflow is waited for a while where it is away. A model that is to be registered needs it; where none is, the search
    ends all the same, and says which runs are missing.

    Args:
        plan: The search.
        records: Its part of the store.
        outcome: What it found.
        model: The ONNX file.
        report: The report.

    Raises:
        HeldError: Another search is deciding about the same registered model.
        TrackingError: MLflow cannot be used, and the model is to be registered; running the search again does what is
            missing.
    """
    records.store.put(f"{records.folder}/{MODEL}", model.read_bytes())
    records.store.put(f"{records.folder}/{METADATA_FILE}", _metadata(plan))
    # Whoever reads the report while its registration is being made gets this one, unless there is one that has its own.
    records.store.put_if_absent(f"{records.folder}/{REPORT}", report.read_bytes())
    registration, run_id, untracked = _tracked_if_possible(plan, records, outcome, model, report)
    document = {
        "schema_version": 1,
        "asked": delivery_asked(plan.config),
        "tracking": digest(_target(plan, records)),
        "outcome": outcome.to_json(),
        "registration": registration.to_json() if registration else None,
        "run_id": run_id,
        **({"untracked": untracked} if untracked else {}),
    }
    records.write("delivered", document)
    local = _local(records, MODEL, METADATA_FILE), _local(records, REPORT)
    return Delivery(outcome, registration, *local, run_id, untracked=untracked)


def _tracked_if_possible(
    plan: Plan, records: SearchRecords, outcome: Outcome, model: Path, report: Path
) -> tuple[Registration | None, str, str]:
    """Do what needs MLflow; return the registration, the search's run, and what is missing there in a sentence.

    Raises:
        TrackingError: MLflow cannot be used, and the model is to be registered.
    """
    found = list(_trainings(records, outcome))
    written: list[bool] = []

    def track() -> tuple[Registration | None, str]:
        written.clear()
        return _tracked(plan, records, outcome, files=(model, report), found=found, on_run=written.append)

    try:
        return *patiently(track), ""
    except TrackingError as error:
        missing = len(found) - len(written)
        lacking = f"{missing} of the {len(found)} runs of the search" if missing else "parts of the search's own run"
        if plan.config.registry.enabled:
            raise TrackingError(
                f"the search is over and what it found is kept, but its model is not registered, and {lacking} may be "
                f"missing: {error}"
            ) from error
        records.store.put(f"{records.folder}/{REPORT}", report.read_bytes())
        return None, "", f"MLflow may lack {lacking}, which 'nasflow sync' writes: {error}"


def _tracked(
    plan: Plan,
    records: SearchRecords,
    outcome: Outcome,
    *,
    files: tuple[Path, Path],
    found: list[Training],
    on_run: Callable[[bool], None],
) -> tuple[Registration | None, str]:
    """Do what needs MLflow, each part of which may be done twice; return the registration and the search's run.

    Args:
        plan: The search.
        records: Its part of the store.
        outcome: What it found.
        files: The ONNX file and the report.
        found: Every training of the search.
        on_run: Told of every run that is there.
    """
    model, report = files
    with open_tracker(plan, records) as tracker:
        complete(records, tracker, found, on_run)
        registration = _registered(plan, records, outcome, model, tracker) if plan.config.registry.enabled else None
        if registration is None:
            records.store.put(f"{records.folder}/{REPORT}", report.read_bytes())
            tracker.log_artifact(report_file(records))
        finish_parent(tracker, outcome)
        return registration, tracker.parent_run_id()


def finish_parent(tracker: Tracker, outcome: Outcome) -> None:
    """Complete the run of the search itself.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    tags = {
        "nasflow.winner": outcome.winner.trial.architecture.id,
        "nasflow.outcome": outcome.id,
        "nasflow.verdict": outcome.verdict,
        NOTE: outcome.verdict,
    }
    tracker.finish_search({**outcome.winner.result.metrics, **outcome.winner.test_metrics}, tags)


def _registered(plan: Plan, records: SearchRecords, outcome: Outcome, model: Path, tracker: Tracker) -> Registration:
    """Register the winner; the report is written again, now that its alias is known."""
    winner = outcome.winner

    def page(registration: Registration) -> str:
        html = report_page(records, registration)
        records.store.put(f"{records.folder}/{REPORT}", html.encode())
        return html

    keep_samples(records.store, plan.bundle)
    submission = Submission(
        name=plan.config.model_name,
        outcome=outcome,
        onnx=model,
        bundle=plan.bundle,
        probabilities=test_probabilities(records, outcome)[winner.trial.id],
        run_id=tracker.child_run_id("final", winner.trial, winner.result),
        parent_run_id=tracker.parent_run_id(),
        compare=comparer(plan.task, plan.config.seed),
        margin=plan.config.registry.margin,
        level=plan.config.registry.level,
    )
    if plan.request.refresh:
        submission = replace(
            submission,
            section="refresh",
            tags={REFRESH_TAG: plan.request.refresh},
            check=partial(check_unseen, records.store, plan.bundle),
        )
    return register(tracker.target, submission, page, records.store)


def _trainings(records: SearchRecords, outcome: Outcome) -> Iterator[Training]:
    """Yield every training of the search with its kind."""
    yield from trainings(records.history())
    for trial, result in outcome.finalists:
        yield "final", trial, result
    if outcome.reference.trial.id not in {trial.id for trial, _ in outcome.finalists}:
        yield "reference", outcome.reference.trial, outcome.reference.result


def _target(plan: Plan, records: SearchRecords) -> dict[str, str]:
    return asdict(tracking_target(plan.config, records.store))


def _metadata(plan: Plan) -> bytes:
    bundle = plan.bundle
    told = {"classes": list(bundle.classes), "size": bundle.size, "channels": bundle.channels}
    return json.dumps(told).encode()


def report_file(records: SearchRecords) -> Path:
    """Return the report of a search on this machine."""
    return _local(records, REPORT)


def _local(records: SearchRecords, name: str, *beside: str) -> Path:
    """Return a file of the store on this machine, fetched with others beside it where the store is elsewhere."""
    for other in beside:
        _local(records, other)
    key = f"{records.folder}/{name}"
    inside = Path(records.store.url, key)
    if inside.exists():
        return inside
    copy = records.store.local_folder() / "deliveries" / records.search_id / name
    content = records.store.get(key)
    if content is not None:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    return copy
