"""Whatever stands where a document should be, the answer is an error of this library, or the document as it was."""

from __future__ import annotations

import io
import json
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nasflow.config.loading import load_config
from nasflow.data.bundle import DOCUMENT, DataBundle
from nasflow.data.sources.archives import members
from nasflow.data.sources.headers import header
from nasflow.data.sources.npz_arrays import NpzFile
from nasflow.delivery.deciding import DECISION_TAG, _kept
from nasflow.delivery.final import test_probabilities as read_predictions
from nasflow.delivery.outcome import read_outcome
from nasflow.engine.lease import Holder
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request
from nasflow.engine.steps import read_selection, read_shard, read_space
from nasflow.errors import NasflowError
from nasflow.pipelines.cluster.cron import Cron
from nasflow.spaces import SearchSpace
from nasflow.storage import documents as stored
from nasflow.storage.file import FileStore
from nasflow.storage.s3.credentials import MountedSecret
from nasflow.tracking.claims import Claims
from nasflow.tracking.records import abandoned, creator_tag
from nasflow.training.checkpoint import Progress, pack, read_progress, unpack
from nasflow.training.job import result_key
from nasflow.training.results import standing
from nasflow.trials import EpochPoint, History

LAYERS = Path(__file__).parents[2] / "examples" / "layers.yaml"
"""A space of one's own."""

QUICK = 150
THOROUGH = 10_000


@dataclass
class Reader:
    """How a kind of document is read.

    Attributes:
        good: A good one.
        read: Reads bytes; returns what they say, or None for nothing.
        checked: Whether a checksum guards it, so that only what the good one says may come of an altered one.
    """

    good: bytes
    read: Callable[[bytes], object]
    checked: bool = False


@pytest.fixture(scope="module")
def readers(in_process: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    """All readers, with the documents of a small search that ran to its end."""
    site, outcome = in_process.site, in_process.outcome
    folder = tmp_path_factory.mktemp("documents")
    records = site.records()
    description = records.description()
    found = {
        "configuration": _by_file(folder / "a.yaml", (site.root / "search.yaml").read_bytes(), load_config),
        "layers": _by_file(folder / "b.yaml", LAYERS.read_bytes(), load_config),
        "request": Reader(json.dumps(description["request"]).encode(), lambda c: Request.from_json(_text(c))),
        "space": _by_file(folder / "space", json.dumps(description["space"]).encode(), lambda p: read_space(str(p))),
        "outcome": _by_file(folder / "outcome", json.dumps(outcome.delivery.outcome.to_json()).encode(), read_outcome),
        "history": Reader(outcome.history.to_jsonl().encode(), lambda c: History.from_jsonl(_text(c)).timeless()),
        "checkpoint": _checkpoint(),
        "progress": Reader(_checkpoint().good, lambda content: read_progress("key", content), checked=True),
        "archive.zip": _archive(folder / "d.zip"),
        "archive.tar": _archive(folder / "d.tar"),
        "archive.tar.gz": _archive(folder / "d.tar.gz"),
        "archive.tar.bz2": _archive(folder / "d.tar.bz2"),
        "archive.tar.xz": _archive(folder / "d.tar.xz"),
        "npz": _by_file(folder / "d.npz", _npz(), _arrays),
        "image": Reader(_png(), header),
        "bundle": _bundle(folder / "bundle", outcome, site),
        "credentials": _credentials(folder / "secret"),
        "cron": Reader(b"*/15 2,3 1-5 jan,feb mon-fri", lambda c: Cron.parse(_text(c))),
    }
    found |= _stored(folder / "store", records, outcome)
    return found | _handed_on(folder, outcome) | _tracked(folder, outcome)


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _by_file(path: Path, good: bytes, read: Callable[[Path], object], checked: bool = False) -> Reader:
    def by_file(content: bytes) -> object:
        path.write_bytes(content)
        return read(path)

    return Reader(good, by_file, checked)


def _credentials(folder: Path) -> Reader:
    folder.mkdir()

    def read(content: bytes) -> object:
        for name in ("accesskey", "secretkey"):
            (folder / name).write_bytes(content)
        return MountedSecret(folder).retrieve().access_key

    return Reader(b"walker", read)


def _stored(folder: Path, known: SearchRecords, outcome: Any) -> dict[str, Reader]:
    """Return the documents that a store keeps: results, batches, verdicts, leases and predictions."""
    store = FileStore(folder)
    records = SearchRecords(store, known.search_id)
    entry = outcome.history[0]
    trial = entry.trial

    def kept(key: str, good: bytes, read: Callable[[], object], checked: bool = True) -> Reader:
        def from_store(content: bytes) -> object:
            store.put(key, content, durable=False)
            try:
                return read()
            finally:
                store.delete(key)

        return Reader(good, from_store, checked)

    batch = f"{records.folder}/batches/00000000.json"
    verdict = f"{records.folder}/verdicts/{trial.id}.json"
    predictions = outcome.delivery.outcome.predictions
    result = stored.pack(entry.result.to_json())

    def batches() -> object:
        records._batches.clear()
        return records.batches()

    def tested() -> object:
        return {name: values.tolist() for name, values in read_predictions(records, outcome.delivery.outcome).items()}

    return {
        "result": kept(result_key(trial.id), result, lambda: standing(store, trial.id, keep_weights=False)),
        "batch": kept(batch, known.store.get(batch) or b"", batches),
        "verdict": kept(verdict, result, lambda: records.result(trial, 0.0)),
        "record": kept(f"{records.folder}/search.json", stored.pack(known.description() or {}), records.description),
        "lease": Reader(Holder.here("a").pack(), lambda content: Holder.unpack("lease", content), checked=True),
        "predictions": kept(predictions, known.store.get(predictions) or b"", tested, checked=False),
    }


def _handed_on(folder: Path, outcome: Any) -> dict[str, Reader]:
    """Return what one step of the pipeline leaves for another."""
    trial = outcome.history[0].trial.to_json()
    shards = json.dumps({"deadline": 0.0, "shards": {"0-0": [trial]}}).encode()
    ids = json.dumps([entry.trial.id for entry in outcome.best]).encode()
    return {
        "proposal": _by_file(folder / "proposal", shards, lambda path: read_shard(str(path), "0-0")),
        "selection": _by_file(folder / "selection", ids, lambda path: read_selection(str(path))),
    }


def _tracked(folder: Path, outcome: Any) -> dict[str, Reader]:
    """Return what is read from MLflow, where anyone may alter it, and of the claims on its runs."""
    store = FileStore(folder / "claims")
    claims = Claims(store, "cafe", "feed")
    key = "searches/cafe/runs/beef.feed.json"

    def claim(content: bytes) -> object:
        store.put(key, content, durable=False)
        return claims.read("beef")

    def decision(content: bytes) -> object:
        tags = {DECISION_TAG: _text(content)}
        return _kept(SimpleNamespace(tags=tags, version="1", name="digits"))  # type: ignore[arg-type]

    registration = outcome.delivery.registration
    return {
        "claim": Reader(json.dumps({"run": "a", "parent": "b"}).encode(), claim),
        "creator": Reader(creator_tag("s").encode(), lambda content: abandoned(_text(content), "s")),
        "decision": Reader(json.dumps(registration.to_json()).encode(), decision),
    }


def _checkpoint() -> Reader:
    import torch

    point = EpochPoint(1, {"val_accuracy": 0.5}, 1.0, 2.0)
    progress = Progress("cafe", (point,), {"val_accuracy": 0.5}, 1.0)
    weights = {"network": {"weight": torch.arange(12.0).reshape(3, 4), "bias": torch.ones(3)}}

    def read(content: bytes) -> object:
        told, parts = unpack("checkpoints/cafe.safetensors", content)
        return told, {part: {name: t.tolist() for name, t in named.items()} for part, named in parts.items()}

    return Reader(pack(progress, weights), read, checked=True)


def _archive(path: Path) -> Reader:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("a/1.png", "b/2.png"):
                archive.writestr(name, _png())
    else:
        mode = "w" if path.suffix == ".tar" else f"w:{path.suffix[1:]}"
        with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
            for name in ("a/1.png", "b/2.png"):
                info = tarfile.TarInfo(name)
                info.size = len(_png())
                tar.addfile(info, io.BytesIO(_png()))

    def read(archive: Path) -> object:
        return [(member.name, member.read(min(member.size, 1 << 20))) for member in members(archive)]

    return _by_file(path, path.read_bytes(), read)


def _png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x_train=np.zeros((4, 8, 8), np.uint8), y_train=np.arange(4))
    return buffer.getvalue()


def _arrays(path: Path) -> object:
    file = NpzFile(path)
    return {name: file.whole(name).tolist() for name, told in file.headers().items() if _small(told)}


def _small(told: Any) -> bool:
    return bool(np.prod([float(n) for n in told.shape]) * told.dtype.itemsize < 1 << 20)


def _bundle(folder: Path, outcome: Any, site: Any) -> Reader:
    """Return the document of prepared data, in a folder that has all the others."""
    source = Path(site.records().description()["bundle"])
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file() and path.name != DOCUMENT:
            (folder / path.name).hardlink_to(path)

    def read(path: Path) -> object:
        return vars(DataBundle.open(path.parent, verify=False)) | {"root": None}

    return _by_file(folder / DOCUMENT, (source / DOCUMENT).read_bytes(), read, checked=True)


KINDS = (
    *("configuration", "layers", "request", "space", "outcome", "history", "checkpoint", "progress", "archive.zip"),
    *("archive.tar", "archive.tar.gz", "archive.tar.bz2", "archive.tar.xz", "npz", "image", "bundle", "cron"),
    *("result", "batch", "verdict", "record", "lease", "predictions", "proposal", "selection", "claim", "creator"),
    *("decision", "credentials"),
)


def check(kind: str, reader: Reader, contents: Iterator[bytes]) -> int:
    """Read documents; return of how many something came.

    Raises:
        AssertionError: A reader raised what is none of nasflow's errors, or read an altered document as another one.
    """
    good = repr(reader.read(reader.good))
    read = 0
    for number, content in enumerate(contents):
        try:
            found = reader.read(content)
        except NasflowError as error:
            if not str(error) or "Traceback" in str(error):
                raise AssertionError(f"{kind} {number} is not refused in a sentence") from error
            continue
        except BaseException as error:
            raise AssertionError(f"{kind} {number} of {len(content)} bytes: {type(error).__name__}: {error}") from error
        read += bool(found)
        if reader.checked and found is not None:
            assert repr(found) == good, f"{kind} {number} was altered, and used"
    return read


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Pillow, zipfile and NumPy warn of much that is refused all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_every_kind_is_tried(readers: dict[str, Reader]) -> None:
    assert sorted(readers) == sorted(KINDS)
    for kind, reader in readers.items():
        assert reader.read(reader.good) not in (None, {}, []) or kind == "creator", kind


@pytest.mark.parametrize("kind", KINDS)
def test_some_documents(kind: str, readers: dict[str, Reader], documents: Any) -> None:
    check(kind, readers[kind], documents(kind, readers[kind].good, QUICK))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_documents(kind: str, readers: dict[str, Reader], documents: Any) -> None:
    check(kind, readers[kind], documents(f"{kind}, all", readers[kind].good, THOROUGH))


def test_the_check_bites(documents: Any) -> None:
    good = b'{"a": 1}'
    with pytest.raises(AssertionError, match=r"loose \d+ of \d+ bytes: \w+Error: "):
        check("loose", Reader(good, json.loads), documents("loose", good, QUICK))
    with pytest.raises(AssertionError, match=r"trusting \d+ was altered, and used"):
        check("trusting", Reader(good, lambda content: content, checked=True), documents("t", good, QUICK))


@pytest.mark.parametrize("part", ["images", "targets", "samples"])
def test_a_missing_or_cut_file_of_prepared_data_is_named(part: str, in_process: Any, tmp_path: Path) -> None:
    source = Path(in_process.site.records().description()["bundle"])
    name = f"train_{part}.{'json' if part == 'samples' else 'npy'}"
    for path in source.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    whole = (tmp_path / name).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    altered = "truncated or altered"
    for content, words in ((bytes(flipped), altered), (whole[:-1], altered), (None, "missing")):
        (tmp_path / name).unlink(missing_ok=True)
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(NasflowError, match=rf"{name} is {words}"):
            DataBundle.open(tmp_path)


def test_a_space_of_another_version_says_so() -> None:
    with pytest.raises(NasflowError, match="a space of schema version 9 cannot be read; expected"):
        SearchSpace.from_json({"schema_version": 9})
