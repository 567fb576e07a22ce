"""What the configuration says of refreshes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nasflow.config.base import Section


class RefreshConfig(Section):
    """What `nasflow refresh` does once the data have changed."""

    mode: Literal["search", "retrain"] = "search"
    """`search` searches again; `retrain` trains the champion's architecture on the new data, and searches nothing."""

    from_history: int = Field(default=5, ge=0)
    """How many of the best architectures of the champion's search are proposed first, the champion's own before all."""

    margin: float = Field(default=0.005, ge=0, lt=1)
    """How much better than the champion the new network must be to replace it, on the task's first metric."""
