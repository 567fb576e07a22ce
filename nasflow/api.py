"""nasflow in a notebook: `nasflow.search` and `nasflow.load`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasflow.config import SearchConfig
from nasflow.config.loading import config_from, load_config
from nasflow.delivery.delivering import Delivery, deliver, delivered
from nasflow.delivery.final import train_final
from nasflow.engine.concluding import conclude, failure_told
from nasflow.engine.door import admit
from nasflow.engine.lease import hold
from nasflow.engine.runs import begin_run
from nasflow.engine.search import run_rounds, select
from nasflow.engine.telling import Teller
from nasflow.engine.trialling import Listener, open_tracker
from nasflow.errors import TrackingError
from nasflow.training.events import Event
from nasflow.trials import Entry, History

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchOutcome:
    """What a search found.

    Attributes:
        search_id: The search.
        history: Every trial in the order proposed, with its result.
        best: The best trials on validation, best first: those that were trained in full.
        delivery: The winner, the reference, the report and the registration; None where delivery was left out.
    """

    search_id: str
    history: History
    best: tuple[Entry, ...]
    delivery: Delivery | None

    def __repr__(self) -> str:
        """Return the search, its trials and what was registered."""
        registration = self.delivery.registration if self.delivery else None
        registered = f", registered as {registration.uri}" if registration else ""
        return f"<SearchOutcome of search {self.search_id}: {self.history!r}{registered}>"

    @property
    def model(self) -> LoadedModel:
        """The winner, ready to predict.

        Raises:
            LookupError: Delivery was left out.
        """
        if self.delivery is None:
            raise LookupError(
                f"search {self.search_id} delivered no model: call nasflow.search with deliver_model=True."
            )
        return LoadedModel(self.delivery.model)


class LoadedModel:
    """A delivered network that answers images with classes.

    Args:
        onnx: The ONNX file.
        metadata: JSON with its classes, size and channels; by default `metadata.json` beside the ONNX file.
    """

    def __init__(self, onnx: Path, metadata: Path | None = None) -> None:
        from nasflow.serving.classifier import OnnxClassifier

        self._classifier = OnnxClassifier(onnx, metadata)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return self._classifier.classes

    def __repr__(self) -> str:
        """Return what it tells apart."""
        shown = ", ".join([*self.classes[:5], *(["…"] if len(self.classes) > 5 else [])])
        return f"<LoadedModel: {len(self.classes)} classes ({shown})>"

    def predict(self, images: Sequence[NDArray[np.uint8] | bytes | str | Path]) -> pd.DataFrame:
        """Return class and probabilities of images.

        Args:
            images: uint8 arrays of shape (H, W) or (H, W, C), paths of image files, or their bytes, of any size.

        Returns:
            A row for each image: `class`, and for each class `probability_<class>`, float32.

        Raises:
            ValueError: It is one image instead of a list, or an image cannot be read, which is named by its place.
            OSError: A file cannot be read.
        """
        if isinstance(images, str | bytes | Path) or getattr(images, "ndim", 4) < 4:
            raise ValueError("predict takes a list of images: put the one that you have into [ ].")
        return self._classifier.predict([Path(i).read_bytes() if isinstance(i, str | Path) else i for i in images])


def search(
    config: SearchConfig | Mapping[str, Any] | str | Path,
    *,
    deliver_model: bool = True,
    anew: bool = False,
    progress: bool = True,
    on_event: Listener | None = None,
) -> SearchOutcome:
    """Run a whole search in this process; run again, it goes on where it stopped.

    Args:
        config: The configuration, as a mapping, or a path to its YAML file.
        deliver_model: Whether the best candidates are trained in full, exported, explained and registered.
        anew: Start anew even where this search has run before.
        progress: Whether a line on standard error tells of every trial that ends.
        on_event: Told of every training event, in this process's main thread.

    Raises:
        UserError: The configuration or the data cannot be used.
        HeldError: Another process runs this search.
        SearchError: Too many trials failed, or none is good enough.
    """
    checked, base = _configured(config)
    admitted = admit(checked, base, anew=anew)
    plan, records = admitted.plan, admitted.records
    with hold(records.store, f"{records.folder}/lease.json", purpose=f"search '{checked.name}'") as lease:
        tell = Teller(plan.objectives[0].name)

        def listen(event: Event) -> None:
            if lease.lost:
                lease.check()  # says who has it now
            if progress:
                tell(event)
            if on_event is not None:
                on_event(event)

        records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
        if deliver_model and (known := delivered(plan, records)) and not known.untracked:
            history = records.history()
            return SearchOutcome(plan.search_id, history, tuple(select(plan, history)), replace(known, repeated=True))
        begin_run(records, admitted.began, plan.deadline)
        with failure_told(plan, records), open_tracker(plan, records) as tracker:
            history = run_rounds(plan, records, tracker, listen)
            best = select(plan, history)
            if not deliver_model:
                try:
                    conclude(records, tracker, history, best[0].result.metrics if best[0].result else {})
                except TrackingError as error:
                    log.warning("MLflow lacks runs of this search, which 'nasflow sync' writes: %s", error)
                return SearchOutcome(plan.search_id, history, tuple(best), None)
            outcome = train_final(plan, records, [entry.trial.id for entry in best], tracker, listen)
        return SearchOutcome(plan.search_id, history, tuple(best), deliver(plan, records, outcome))


def _configured(config: SearchConfig | Mapping[str, Any] | str | Path) -> tuple[SearchConfig, Path]:
    if isinstance(config, SearchConfig):
        return config, Path.cwd()
    if isinstance(config, Mapping):
        return config_from(config), Path.cwd()
    path = Path(config)
    return load_config(path), path.resolve().parent


def load(
    name: str, *, alias: str = "champion", version: int | None = None, tracking_uri: str | None = None
) -> LoadedModel:
    """Load a registered model.

    Args:
        name: Name of the registered model.
        alias: Which version, by alias.
        version: Which version, by number; goes before `alias`.
        tracking_uri: The MLflow server; by default `MLFLOW_TRACKING_URI`, else the store in the current folder.

    Raises:
        TrackingError: There is no such model, or the server cannot be reached.
    """
    from nasflow.delivery.fetching import fetched_model

    with fetched_model(name, alias if version is None else str(version), tracking_uri) as (onnx, metadata):
        return LoadedModel(onnx, metadata)
