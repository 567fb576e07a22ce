from __future__ import annotations

import json
from pathlib import Path

import pytest

from nasflow.errors import IntegrityError
from nasflow.storage.documents import create_json, pack, read_json, unpack, write_json
from nasflow.storage.file import FileStore

DOCUMENT = {"schema_version": 1, "text": "Größe \U0001f600", "number": 0.1 + 0.2, "list": [1, None, {"a": True}]}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def test_documents_come_back(store: FileStore) -> None:
    assert read_json(store, "d.json") is None
    write_json(store, "d.json", DOCUMENT)
    assert read_json(store, "d.json") == DOCUMENT
    write_json(store, "d.json", {})
    assert read_json(store, "d.json") == {}


def test_the_first_created_stands(store: FileStore) -> None:
    assert create_json(store, "d.json", DOCUMENT)
    assert not create_json(store, "d.json", {"other": 1})
    assert read_json(store, "d.json") == DOCUMENT


def test_same_document_same_bytes() -> None:
    assert pack({"a": 1, "b": 2}) == pack({"b": 2, "a": 1})


def test_every_cut_is_noticed(store: FileStore) -> None:
    content = pack(DOCUMENT)
    for length in range(len(content) - 1):  # the last byte is a line feed
        store.put("results/d.json", content[:length])
        with pytest.raises(IntegrityError, match=r"'results/d\.json' was cut or altered"):
            read_json(store, "results/d.json")


def test_every_altered_letter_is_noticed() -> None:
    content = pack({"accuracy": 0.97, "name": "abc"})
    start, end = content.index(b'"document"') + len(b'"document":'), len(content) - 2
    for place in range(start, end):
        altered = content[:place] + (b"7" if content[place : place + 1] != b"7" else b"8") + content[place + 1 :]
        with pytest.raises(IntegrityError):
            unpack("d.json", altered)


@pytest.mark.parametrize(
    "content", [b"[]", b"null", b'{"checksum": "x"}', b'{"checksum": "", "document": []}', b"\xff\xfe", b"[" * 100_000]
)
def test_foreign_content_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"d\.json"):
        unpack("d.json", content)


def test_layout_of_the_json_does_not_matter() -> None:
    assert unpack("d.json", json.dumps(json.loads(pack(DOCUMENT)), indent=2).encode()) == DOCUMENT


def test_nan_is_refused(store: FileStore) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(store, "d.json", {"x": float("nan")})
    assert list(store.keys("")) == []
