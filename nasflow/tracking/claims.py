"""Which MLflow run is a trial's: said once, in the store, whoever asks first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Protocol

from nasflow.ids import canonical_json


class Documents(Protocol):
    """What is asked of a store here."""

    url: str

    def get(self, key: str) -> bytes | None:
        """Return the content, or None."""
        ...

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write the content unless something is there; return whether it was written."""
        ...

    def replace(self, key: str, expected: bytes, content: bytes) -> bool:
        """Write the content only where the present one is `expected`; return whether it was written."""
        ...


@dataclass(frozen=True)
class Claim:
    """A run that is the one of its trial.

    Attributes:
        run: Id of the run.
        parent: Id of the parent run it lies under; empty for a parent itself.
    """

    run: str
    parent: str = ""


class Claims:
    """The claims of a search in one experiment.

    Args:
        documents: The store.
        search_id: The search.
        identity: What tells the experiment from those of other databases: each has claims of its own.
    """

    def __init__(self, documents: Documents, search_id: str, identity: str) -> None:
        self.documents = documents
        self._place = f"searches/{search_id}/runs"
        self._identity = identity

    def read(self, name: str) -> Claim | None:
        """Return the claim of a trial id (or of `search`), or None where there is none that can be read.

        Raises:
            StorageError: The store cannot be read.
        """
        content = self.documents.get(self._key(name))
        return self._parse(content) if content is not None else None

    def write(self, name: str, claim: Claim, instead: Claim | None) -> bool:
        """Claim a run; return False where another process was faster.

        Args:
            name: Trial id, or `search`.
            claim: The run.
            instead: The claim that was read before, which no longer holds.

        Raises:
            StorageError: The store cannot be written.
        """
        key, content = self._key(name), (canonical_json(asdict(claim)) + "\n").encode()
        present = self.documents.get(key)
        if present is None:
            return self.documents.put_if_absent(key, content)
        return self._parse(present) == instead and self.documents.replace(key, present, content)

    def _key(self, name: str) -> str:
        return f"{self._place}/{name}.{self._identity}.json"

    @staticmethod
    def _parse(content: bytes) -> Claim | None:
        try:
            document = json.loads(content)
            return Claim(str(document["run"]), str(document["parent"]))
        except (ValueError, TypeError, KeyError):
            return None  # damaged: as good as none, since the run is found by its tags
