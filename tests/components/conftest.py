"""The components called one after the other, as Kubeflow does it, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from nasflow.components.export_model.component import export_model
from nasflow.components.generate_space.component import generate_space
from nasflow.components.prepare_data.component import prepare_data
from nasflow.components.propose.component import propose
from nasflow.components.register_model.component import register_model
from nasflow.components.report.component import report
from nasflow.components.select.component import select
from nasflow.components.train_candidates.component import train_candidates
from nasflow.components.train_final.component import train_final
from nasflow.engine.door import admit


@dataclass
class Chain:
    """One run of all components.

    Attributes:
        site: Where the search is.
        root: Where the artifacts go.
        request: The one parameter.
        artifacts: By name.
        returned: What each component returned, by its name.
    pages: The summary of every call, in order.
    """

    site: Any
    root: Path
    request: str
    artifacts: dict[str, Any] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)
    pages: list[Path] = field(default_factory=list)

    def out(self, name: str, kind: Callable[..., Any] = dsl.Artifact) -> Any:
        """Return a new output artifact."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.artifacts[name] = kind(name=name, uri=str(path))
        return self.artifacts[name]

    @property
    def summary(self) -> Any:
        """A new page for a summary."""
        self.pages.append(self.root / f"summary-{len(self.pages)}")
        return dsl.Markdown(uri=str(self.pages[-1]))

    @property
    def timed(self) -> dict[str, Any]:
        return self.known | {"deadline": 0.0}

    @property
    def known(self) -> dict[str, Any]:
        return {"request": self.request, "data": self.artifacts["data"], "space": self.artifacts["space"]}


@pytest.fixture(scope="session")
def chain(make_site: Any, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    site = make_site("components")
    site.ready()
    config = site.config(parallelism={"shard_size": 2}, registry={"name": "by-components"})
    admitted = admit(config, site.root)
    it = Chain(site, tmp_path_factory.mktemp("artifacts"), admitted.plan.request.to_json())
    got = it.returned
    got["prepare_data"] = prepare_data.python_func(
        request=it.request, deadline=0.0, data=it.out("data", dsl.Dataset), summary=it.summary
    )
    got["generate_space"] = generate_space.python_func(
        request=it.request, data=it.artifacts["data"], space=it.out("space"), summary=it.summary
    )
    receipts = None
    for number in range(2):
        proposal = it.out(f"proposal-{number}")
        names = propose.python_func(number=number, proposal=proposal, receipts=receipts, **it.timed)
        got[f"propose-{number}"] = names
        receipts = [it.out(f"receipt-{name}") for name in names]
        for name, receipt in zip(names, receipts, strict=True):
            train_candidates.python_func(shard=name, proposal=proposal, receipt=receipt, **it.known)
    select.python_func(
        receipts=receipts,
        selection=it.out("selection"),
        history=it.out("history"),
        leaderboard=it.out("leaderboard", dsl.HTML),
        metrics=it.out("search-metrics", dsl.Metrics),
        summary=it.summary,
        **it.timed,
    )
    train_final.python_func(
        selection=it.artifacts["selection"],
        outcome=it.out("outcome"),
        metrics=it.out("final-metrics", dsl.Metrics),
        confusion=it.out("confusion", dsl.ClassificationMetrics),
        summary=it.summary,
        **it.timed,
    )
    outcome = it.artifacts["outcome"]
    export_model.python_func(outcome=outcome, model=it.out("model", dsl.Model), summary=it.summary, **it.known)
    report.python_func(outcome=outcome, page=it.out("page", dsl.HTML), summary=it.summary, **it.known)
    register_model.python_func(
        outcome=outcome,
        model=it.artifacts["model"],
        page=it.artifacts["page"],
        registration=it.out("registration"),
        summary=it.summary,
        **it.known,
    )
    return it
