"""Checkpoints: one safetensors file with the tensors of network and optimiser, and the curve so far as JSON.

Their parts are `network`, the weights that were evaluated last and are kept in the end; `training`, the weights under
training where those are other ones; `best`, those of the best epoch where training may end early; and `optimizer`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nasflow.errors import IntegrityError
from nasflow.trials import EpochPoint

if TYPE_CHECKING:
    from torch import Tensor

Parts = Mapping[str, Mapping[str, "Tensor"]]
"""Tensors by part of the checkpoint and name."""

_HEADER_LIMIT = 100_000_000
"""Longest header that safetensors itself accepts, in bytes."""

_UNKNOWN = "?" * 64
"""Stands in the place of the checksum while that is made."""


@dataclass(frozen=True)
class Progress:
    """How far a trial has come.

    Attributes:
        trial_id: The trial.
        curve: The epochs done, in order.
        metrics: Final values as of the last epoch, or of the best one where training may end early, as they would
            stand in a result.
        started_at: Unix seconds at which the trial was first begun.
        best: The epoch that was best so far; 0 where training does not look for one.
        accumulation: Parts that each batch is cut into, whose gradients add up.
    """

    trial_id: str
    curve: tuple[EpochPoint, ...]
    metrics: Mapping[str, float]
    started_at: float
    best: int = 0
    accumulation: int = 1

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.curve)


def pack(progress: Progress, parts: Parts) -> bytes:
    """Return a checkpoint as bytes.

    Args:
        progress: How far the trial has come.
        parts: Tensors by part and name.
    """
    from safetensors.torch import save

    tensors = {f"{part}.{name}": tensor for part, named in parts.items() for name, tensor in named.items()}
    told = {"progress": json.dumps(asdict(progress), allow_nan=False), "checksum": _UNKNOWN}
    content = save(_separate(tensors), metadata=told)
    place = content.index(_UNKNOWN.encode())
    checksum = hashlib.blake2b(content, digest_size=len(_UNKNOWN) // 2).hexdigest()
    return b"".join((content[:place], checksum.encode(), memoryview(content)[place + len(checksum) :]))


def unpack(key: str, content: bytes) -> tuple[Progress, dict[str, dict[str, Tensor]]]:
    """Read back what `pack` gave, bit by bit: progress, and tensors by part and name, on the CPU.

    A part without tensors is not there, but for `network`.

    Args:
        key: Where the content is from, for the message.
        content: What is stored there.

    Raises:
        IntegrityError: The content was cut or altered.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    progress = read_progress(key, content)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise _damaged(key, error) from error
    parts: dict[str, dict[str, Tensor]] = {"network": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = tensor
    return progress, parts


def read_progress(key: str, content: bytes) -> Progress:
    """Return how far a checkpoint's trial has come; needs no torch.

    Raises:
        IntegrityError: The content was cut or altered.
    """
    try:
        _check(content)
        document = json.loads(_told(content)["progress"])
        curve = tuple(EpochPoint(**point) for point in document["curve"])
        return Progress(
            document["trial_id"],
            curve,
            document["metrics"],
            document["started_at"],
            document["best"],
            document["accumulation"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(key, error) from error


def _told(content: bytes) -> dict[str, str]:
    """Return what the header says beside the tensors."""
    length = int.from_bytes(content[:8], "little")
    if not 0 < length <= min(len(content) - 8, _HEADER_LIMIT):
        raise ValueError(f"{len(content)} bytes cannot hold a header of {length}")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    told: dict[str, str] = header["__metadata__"]
    return told


def _check(content: bytes) -> None:
    """Refuse a content that is not what its checksum was made of: all of it, with `_UNKNOWN` in the checksum's place.

    Raises:
        ValueError: It is not.
    """
    stated = _told(content)["checksum"].encode()
    place = content.index(stated) if len(stated) == len(_UNKNOWN) else -1
    found = hashlib.blake2b(digest_size=len(_UNKNOWN) // 2)
    found.update(memoryview(content)[: max(0, place)])
    found.update(_UNKNOWN.encode())
    found.update(memoryview(content)[place + len(stated) :])
    if place < 0 or found.hexdigest().encode() != stated:
        raise ValueError("its checksum is another one")


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Lay each tensor out in a row; where some share memory (a module used twice) they become copies."""
    seen: set[int] = set()
    found = {}
    for name, tensor in tensors.items():
        laid = tensor.detach().cpu().contiguous()
        address = laid.untyped_storage().data_ptr()
        found[name] = laid.clone() if address in seen and laid.numel() else laid
        seen.add(address)
    return found


def _damaged(key: str, error: Exception) -> IntegrityError:
    return IntegrityError(f"the checkpoint '{key}' was cut or altered ({error}); delete it, and its trial starts anew.")
