"""Networks trained on noise to see how fast they are; with real workers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from nasflow.engine.pacing import Layout, measure_pace
from nasflow.engine.plan import final_config
from nasflow.errors import SearchError


def layout(plan: Any) -> Layout:
    config = plan.config
    return Layout(config, final_config(config), plan.bundle, plan.space.io, plan.bundle.counts["train"], 270)


def test_every_network_and_the_reference_are_measured_and_nothing_is_kept(planned: Any) -> None:
    plan = planned(parallelism={"round_size": 3, "workers": 2}, final={"threads": 2})
    networks = [plan.space.at(number) for number in (0, plan.space.size - 1)]
    pace = measure_pace(layout(plan), networks, plan.reference)
    assert [timing.flops for timing in pace.networks] == [plan.cost(network).flops for network in networks]
    assert pace.reference.flops == plan.cost(plan.reference).flops
    assert all(timing.sample_seconds > 0 for timing in (*pace.networks, pace.reference))
    assert pace.reference.sample_seconds > pace.networks[0].sample_seconds
    assert pace.startup > 0
    assert pace.final_scale > 0
    assert pace.final_scale != 1.0  # two threads alone, measured as well
    assert not plan.request.store().local_folder().parent.joinpath("results").exists()


def test_where_no_epoch_ends_in_time_it_says_so(planned: Any) -> None:
    plan = planned()
    hurried = itertools.count(0, 1000)
    with pytest.raises(SearchError, match="no network could be trained for 1 seconds"):
        measure_pace(layout(plan), [plan.space.at(0)], plan.reference, seconds=1, clock=lambda: float(next(hurried)))
