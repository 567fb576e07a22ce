"""The data of a report travel as JSON."""

import json
from dataclasses import replace

import pytest

from nasflow.delivery.outcome import Registration
from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.render import render_report
from nasflow.errors import IntegrityError


def test_it_survives_json(data: ReportData, goaled: ReportData) -> None:
    registered = replace(data, registration=Registration("digits", 2, "challenger", "run", "Because.", 1))
    for made in (data, registered, goaled):
        assert ReportData.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False))) == made


def test_damage_is_named(data: ReportData) -> None:
    document = data.to_json()
    document["winner"].pop("flops")
    with pytest.raises(IntegrityError, match=r"winner\.flops"):
        ReportData.from_json(document)
    with pytest.raises(IntegrityError, match="another version"):
        ReportData.from_json(data.to_json() | {"schema_version": 9})


def test_the_data_of_version_1_are_read_without_what_came_later(goaled: ReportData, data: ReportData) -> None:
    document = json.loads(json.dumps(data.to_json())) | {"schema_version": 1}
    for name in ("goals", "importance", "runner_up", "tested"):
        document.pop(name)
    document["cost"].pop("parts")
    for network in (document["winner"], document["reference"], *document["trials"]):
        network.pop("metrics")
    for row in document["trials"]:
        row.pop("feasible")
    old = ReportData.from_json(document)
    assert old == data
    page = render_report(old)
    for section in ("front", "importance", "rival", "tested"):
        assert f'<section id="{section}">' not in page
        assert f'<section id="{section}">' in render_report(goaled)
    assert "Where the time went" not in page
