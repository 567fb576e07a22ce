"""Which kind of device the trials of a search will be trained on."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from nasflow.config import ResourcesConfig
from nasflow.errors import SearchError, UserError
from nasflow.ids import digest
from nasflow.processes import machine
from nasflow.storage import Store
from nasflow.storage.documents import read_json, write_json

_PROGRAM = """
import sys
from nasflow.config import ResourcesConfig
from nasflow.errors import NasflowError
from nasflow.training.device import device_kind
try:
    print(device_kind(ResourcesConfig.model_validate_json(sys.argv[1])))
except NasflowError as error:
    sys.exit(f"{error.exit_code}{error}")
"""
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ATEN_CPU_CAPABILITY")


class DeviceProbe:
    """Asks a process of its own for the device kind, since that takes an import of torch; begins at once.

    Args:
        resources: What is asked for.
        store: Remembers the answer for this boot of the machine; without it the question is always asked.
    """

    def __init__(self, resources: ResourcesConfig, store: Store | None = None) -> None:
        self._store = store
        self._key = f"devices/{digest(_circumstances(resources))}.json"
        known = read_json(store, self._key) if store is not None else None
        self._known: str | None = known["kind"] if known else None
        self._process: subprocess.Popen[str] | None = None
        if self._known is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, resources.model_dump_json()],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def close(self) -> None:
        """End the process, where nobody has waited for its answer."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def result(self) -> str:
        """Wait for the answer, as in `cpu-AVX2` or `cuda-NVIDIA H100`.

        Raises:
            UserError: The device that is asked for is not there.
            SearchError: Torch cannot be used.
        """
        if self._known is None and self._process is not None:
            answer, told = self._process.communicate()
            if self._process.returncode:
                raise _failure(told.strip().splitlines()[-1:] or [f"exit status {self._process.returncode}"])
            self._known = answer.strip()
            if self._store is not None:
                write_json(self._store, self._key, {"kind": self._known})
        return str(self._known)


def _failure(last: list[str]) -> UserError | SearchError:
    code, text = last[0][:1], last[0][1:]
    if code == str(UserError.exit_code):
        return UserError(text)
    return SearchError(f"the training device cannot be used: {text if code == '1' else last[0]}")


def _circumstances(resources: ResourcesConfig) -> list[object]:
    """Return what the answer hangs on, as far as it can be known without torch."""
    devices = sorted(str(path) for path in Path("/dev").glob("nvidia*"))
    return [machine(), version("torch"), resources.device, devices, *(os.environ.get(name, "") for name in _VARIABLES)]
