"""The data of a report travel as JSON."""

import json
from dataclasses import replace

import pytest

from nasflow.delivery.outcome import Registration
from nasflow.delivery.report.data import ReportData
from nasflow.errors import IntegrityError


def test_it_survives_json(data: ReportData) -> None:
    registered = replace(data, registration=Registration("digits", 2, "challenger", "run", "Because.", 1))
    for made in (data, registered):
        assert ReportData.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False))) == made


def test_damage_is_named(data: ReportData) -> None:
    document = data.to_json()
    document["winner"].pop("flops")
    with pytest.raises(IntegrityError, match=r"winner\.flops"):
        ReportData.from_json(document)
    with pytest.raises(IntegrityError, match="another version"):
        ReportData.from_json(data.to_json() | {"schema_version": 9})
