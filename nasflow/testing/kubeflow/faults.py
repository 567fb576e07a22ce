"""What can be made to go wrong on purpose."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class Fault:
    """Something that goes wrong with the next requests that it fits.

    Attributes:
        kind: An HTTP status to answer with, or `time-out` (no answer), `half-closed` (the connection ends in the middle
            of an answer, before anything is done), `lost` (the same after the work was done), `login` (a redirect to a
            page), `page` (an HTML page with status 200).
        path: Regular expression that the path contains.
        method: Of HTTP; empty for all.
        times: How often; -1 for ever.
        retry_after: Seconds that an answer asks to wait, or None.
        message: What an answer says.
    """

    kind: int | str
    path: str = ""
    method: str = ""
    times: int = 1
    retry_after: int | None = None
    message: str = "made to fail"
    seen: int = field(default=0, init=False)

    def takes(self, method: str, path: str) -> bool:
        """Whether it happens to this request; counts it."""
        fits = (not self.method or self.method == method) and re.search(self.path, path)
        if not fits or (self.times >= 0 and self.seen >= self.times):
            return False
        self.seen += 1
        return True
