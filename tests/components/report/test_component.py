"""The step that writes the report."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any


def test_the_page_needs_nothing_else(chain: Any) -> None:
    page = Path(chain.artifacts["page"].path).read_text()
    assert page.lower().startswith("<!doctype html>")
    assert not re.search(r'(src|href)="https?://', page)
    assert chain.site.records().search_id in page


def test_it_says_every_trial(chain: Any) -> None:
    page = Path(chain.artifacts["page"].path).read_text()
    shown = [entry.trial.architecture.id[:8] in page for entry in chain.site.history()]
    assert all(shown)


def test_it_loads_no_torch(chain: Any, tmp_path: Path) -> None:
    """Importing it takes longer than the whole step."""
    program = (
        "import sys\n"
        "from kfp import dsl\n"
        "from nasflow.components.report.component import report\n"
        "request, data, space, outcome, page = sys.argv[1:]\n"
        "report.python_func(request=request, data=dsl.Dataset(uri=data), space=dsl.Artifact(uri=space),\n"
        "                   outcome=dsl.Artifact(uri=outcome), page=dsl.HTML(uri=page),\n"
        "                   summary=dsl.Markdown(uri=page + '.md'))\n"
        "sys.exit('torch' in sys.modules or 'mlflow' in sys.modules)\n"
    )
    paths = [chain.artifacts[name].path for name in ("data", "space", "outcome")]
    command = [sys.executable, "-c", program, chain.request, *paths, str(tmp_path / "page")]
    assert subprocess.run(command, check=False).returncode == 0
    assert (tmp_path / "page").exists()
