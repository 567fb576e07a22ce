"""A figure of plotly's inside the page: the figure, plotly itself, and the script that puts them together.

Plotly is 4.8 MB of JavaScript. It is carried compressed, which makes 2 MB, and only by pages that have a front to show.
The page's policy lets these two scripts run, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Interactive:
    """What a page needs to show a figure.

    Attributes:
        figure: The figure as JSON that may stand inside a script element.
        plotly: Plotly's script, compressed by gzip, as base64.
        script: The script that draws.
        policy: What the page's content security policy allows, as in `'sha256-…' 'sha256-…'`.
    """

    figure: str
    plotly: str
    script: str
    policy: str


def interactive(figure: Mapping[str, Any]) -> Interactive:
    """Return what a page needs to show a figure.

    Args:
        figure: Its `data` and `layout`, as plotly has them.
    """
    script = files("nasflow.delivery.report").joinpath("front.js").read_text(encoding="utf-8")
    packed, policy = _plotly()
    # Nothing in it ends the script element, or begins a comment there.
    text = json.dumps(figure, allow_nan=False).replace("<", "\\u003c")
    return Interactive(text, packed, script, f"{_hash(script)} {policy}")


@cache
def _plotly() -> tuple[str, str]:
    from plotly.offline import get_plotlyjs

    code = get_plotlyjs()
    packed = gzip.compress(code.encode(), 6, mtime=0)
    return base64.b64encode(packed).decode(), _hash(code)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
