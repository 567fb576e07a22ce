"""What the server keeps: experiments, pipelines, versions, runs and recurring runs, under KFP's rules."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nasflow.pipelines.cluster.uploading import read_spec
from nasflow.testing.kubeflow.schema import check_filter

Document = dict[str, Any]
ACTIVE = ("PENDING", "RUNNING", "PAUSED", "CANCELING")

_FIELDS = {
    "experiments": {"id", "experiment_id", "name", "display_name", "created_at", "namespace", "description"},
    "pipelines": {"id", "pipeline_id", "name", "display_name", "created_at", "namespace", "description"},
    "pipeline_versions": {"id", "pipeline_version_id", "name", "display_name", "created_at", "status", "description"},
    "runs": {"id", "run_id", "name", "display_name", "created_at", "state", "storage_state", "experiment_id"},
    "recurring_runs": {"id", "recurring_run_id", "name", "display_name", "created_at", "updated_at", "description"},
}
_CRON = re.compile(r"[\d*?/,\-A-Za-z]+(\s+[\d*?/,\-A-Za-z]+){4,5}")


class AnswerError(Exception):
    """An answer that is an error.

    Args:
        status: Of HTTP.
        message: What the server says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Task:
    """A task of a run.

    Attributes:
        name: As the server shows it.
        state: `RUNNING`, `SUCCEEDED`, `FAILED` and so on.
        pod: Name of its pod, or empty.
        error: What the server says of its failure, or empty.
        log: What its pod has written; None where no log is left.
    """

    name: str
    state: str = "SUCCEEDED"
    pod: str = ""
    error: str = ""
    log: str | None = None

    def document(self, run_id: str) -> Document:
        """Return the task as the API shows it."""
        found: Document = {
            "run_id": run_id,
            "task_id": str(uuid.uuid4()),
            "display_name": self.name,
            "state": self.state,
        }
        if self.pod:
            found["child_tasks"] = [{"pod_name": self.pod}]
        if self.error:
            found["error"] = {"code": 2, "message": self.error}
        return found


@dataclass
class State:
    """Everything that is kept, by kind and id."""

    multi_user: bool = False
    kept: dict[str, dict[str, Document]] = field(default_factory=lambda: {kind: {} for kind in _FIELDS})
    tasks: dict[str, list[Task]] = field(default_factory=dict)
    specs: dict[str, str] = field(default_factory=dict)
    on_run_read: Callable[[str], None] | None = None

    def create(self, kind: str, key: str, document: Document, unique: tuple[str, ...]) -> Document:
        """Keep a document; refuse one that equals another in the unique fields."""
        for other in self.kept[kind].values():
            if unique and all(other.get(name) == document.get(name) for name in unique):
                raise AnswerError(409, f"The {kind} {document.get('display_name')} already exists")
        made = {key: str(uuid.uuid4()), "created_at": _now(), **document}
        self.kept[kind][made[key]] = made
        return made

    def get(self, kind: str, identity: str) -> Document:
        """Return a document that is kept."""
        if identity not in self.kept[kind]:
            raise AnswerError(404, f"{kind} {identity} not found")
        return self.kept[kind][identity]

    def list(self, kind: str, query: Mapping[str, str], **equal: str) -> Document:
        """Return a page of documents."""
        if (
            self.multi_user
            and kind != "pipeline_versions"
            and not query.get("namespace")
            and not query.get("experiment_id")
        ):
            raise AnswerError(400, "A namespace cannot be empty in multi-user mode")
        wanted = dict(check_filter(query["filter"], _FIELDS[kind])) if query.get("filter") else {}
        if "name" in wanted:
            wanted["display_name"] = wanted.pop("name")
        wanted |= equal
        wanted |= {name: query[name] for name in ("namespace", "experiment_id") if query.get(name)}
        found = [each for each in self.kept[kind].values() if all(each.get(k) == v for k, v in wanted.items())]
        if query.get("sort_by") == "created_at desc":
            found = found[::-1]
        begin, size = int(query.get("page_token") or 0), int(query.get("page_size") or 20)
        shown = "recurringRuns" if kind == "recurring_runs" else kind  # as the schema has it
        page: Document = {shown: found[begin : begin + size], "total_size": len(found)}
        return page | ({"next_page_token": str(begin + size)} if begin + size < len(found) else {})

    def upload_version(self, query: Mapping[str, str], content: bytes) -> Document:
        """Keep a pipeline's version."""
        spec = read_spec(content)
        if not isinstance(spec, dict) or "pipelineInfo" not in spec or "root" not in spec:
            raise AnswerError(400, "The file is no pipeline")
        pipeline = self.get("pipelines", query["pipelineid"])
        named = {"pipeline_id": pipeline["pipeline_id"], "display_name": query["name"], "name": query["name"]}
        made = self.create("pipeline_versions", "pipeline_version_id", named, ("pipeline_id", "display_name"))
        self.specs[made["pipeline_version_id"]] = content.decode()
        return made

    def create_run(self, body: Document) -> Document:
        """Start a run of a version in an experiment."""
        self._check_reference(body)
        if not body.get("display_name"):
            raise AnswerError(400, "The run name is empty. Please specify a valid name")
        begun = {**self._placed(body), "state": "PENDING", "storage_state": "AVAILABLE"}
        begun.pop("namespace", None)  # runs have none in the schema
        made = self.create("runs", "run_id", begun, ())
        self.tasks[made["run_id"]] = []
        return made

    def run(self, run_id: str) -> Document:
        """Return a run with its tasks."""
        run = self.get("runs", run_id)
        if self.on_run_read is not None:
            self.on_run_read(run_id)
        tasks = [task.document(run_id) for task in self.tasks[run_id]]
        return {**run, "run_details": {"task_details": tasks}}

    def terminate(self, run_id: str) -> Document:
        """End a run."""
        run = self.get("runs", run_id)
        if run["state"] not in ACTIVE:
            raise AnswerError(400, f"Failed to terminate run {run_id}. Row not found or finished")
        run["state"] = "CANCELED"
        return {}

    def log(self, run_id: str, pod: str) -> str:
        """Return what a pod has written."""
        self.get("runs", run_id)
        found = next((task for task in self.tasks[run_id] if task.pod == pod), None)
        if found is None or found.log is None:
            raise AnswerError(500, f"pods {pod} not found")
        return found.log

    def create_recurring(self, body: Document) -> Document:
        """Keep a recurring run."""
        self._check_reference(body)
        if not body.get("display_name"):
            raise AnswerError(400, "Recurring run name is empty. Please specify a valid name")
        if not 1 <= int(body.get("max_concurrency", 0)) <= 10:
            raise AnswerError(400, "The max concurrency of the recurring run is out of range. Support 1-10")
        cron = body.get("trigger", {}).get("cron_schedule", {}).get("cron", "")
        if not _CRON.fullmatch(cron):
            raise AnswerError(400, f"Schedule cron is not a supported format: {cron}")
        status = "ENABLED" if body.get("mode") == "ENABLE" else "DISABLED"
        return self.create("recurring_runs", "recurring_run_id", {**self._placed(body), "status": status}, ())

    def switch(self, identity: str, *, on: bool) -> Document:
        """Enable or disable a recurring run."""
        kept = self.get("recurring_runs", identity)
        kept["status"], kept["mode"] = ("ENABLED", "ENABLE") if on else ("DISABLED", "DISABLE")
        return {}

    def delete(self, kind: str, identity: str) -> Document:
        """Forget a document."""
        self.get(kind, identity)
        del self.kept[kind][identity]
        return {}

    def _placed(self, body: Document) -> Document:
        """Return a document in the namespace of its experiment."""
        namespace = self.get("experiments", body["experiment_id"]).get("namespace")
        return {**body, "namespace": namespace} if namespace else body

    def _check_reference(self, body: Document) -> None:
        self.get("experiments", body.get("experiment_id", ""))
        reference = body.get("pipeline_version_reference", {})
        version = self.get("pipeline_versions", reference.get("pipeline_version_id", ""))
        if version["pipeline_id"] != reference.get("pipeline_id"):
            raise AnswerError(400, "The pipeline version is of another pipeline")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
