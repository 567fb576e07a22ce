"""The page carries plotly whole, and lets nothing else run."""

import base64
import gzip
import hashlib
import json

import pytest

from nasflow.delivery.report.interactive import interactive


def allowed(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_plotly_is_carried_whole_and_its_hash_allowed() -> None:
    made = interactive({"data": [], "layout": {}})
    code = gzip.decompress(base64.b64decode(made.plotly)).decode()
    assert "plotly.js v" in code[:200], "with its licence"
    assert made.policy.split() == [allowed(made.script), allowed(code)]
    assert len(made.plotly) < 2_500_000


def test_the_script_reads_the_elements_that_the_page_has() -> None:
    script = interactive({}).script
    assert "</" not in script
    for element in ("front-plot", "front-figure", "front-picked", "front-hint", "front-pictures", '"plotly"'):
        assert element in script
    assert "fetch(" not in script
    assert "http" not in script


def test_a_figure_cannot_end_its_element() -> None:
    figure = {"data": [{"text": ["</script><!-- <script>"]}]}
    made = interactive(figure)
    assert "<" not in made.figure
    assert json.loads(made.figure) == figure


def test_the_same_figure_gives_the_same_page() -> None:
    assert interactive({"a": 1}) == interactive({"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        interactive({"a": float("nan")})
