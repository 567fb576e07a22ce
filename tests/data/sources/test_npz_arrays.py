"""Arrays come row by row, equal to what NumPy reads, and nothing is unpickled."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nasflow.data.sources import npz_arrays
from nasflow.data.sources.npz_arrays import NpzFile
from nasflow.errors import DataError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["uint8", ">i4", "float32", "<U3", "bool"])
def test_rows_are_the_array(tmp_path: Path, save: object, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_arrays, "_BLOCK_BYTES", 1000)
    array = RNG.integers(0, 200, (37, 5, 4)).astype(dtype)
    save(tmp_path / "f.npz", a=array, b=array[:, 0, 0])  # type: ignore[operator]
    file = NpzFile(tmp_path / "f.npz")
    blocks = list(file.rows("a"))
    assert len(blocks) > 1 or dtype in {"uint8", "bool"}
    assert np.array_equal(np.concatenate(blocks), array)
    assert np.array_equal(file.whole("b"), array[:, 0, 0])
    headers = file.headers()
    assert list(headers) == ["a", "b"]
    assert (headers["a"].shape, headers["a"].dtype) == ((37, 5, 4), np.dtype(dtype))


def test_few_bytes_are_in_memory(tmp_path: Path) -> None:
    """64 MB pass through less than 20."""
    np.savez_compressed(tmp_path / "f.npz", a=np.zeros((64, 1000, 1000), np.uint8))
    tracemalloc.start()
    try:
        total = sum(len(block) for block in NpzFile(tmp_path / "f.npz").rows("a"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 64
    assert peak < 20e6


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", a=np.zeros((0, 3), np.uint8))
    assert list(NpzFile(tmp_path / "f.npz").rows("a")) == []
    assert NpzFile(tmp_path / "f.npz").whole("a").shape == (0, 3)


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("1 / 0",))


def test_objects_are_refused_unread(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", a=np.array([_Trap()], dtype=object))
    assert NpzFile(tmp_path / "f.npz").headers()["a"].dtype.hasobject
    with pytest.raises(DataError, match=r"a \(object \(1,\)\) in .* holds Python objects, which would have to be unp"):
        next(NpzFile(tmp_path / "f.npz").rows("a"))


def test_columns_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", a=np.asfortranarray(RNG.integers(0, 9, (4, 3))))
    with pytest.raises(DataError, match=r"stored column by column; save np\.ascontiguousarray of it"):
        next(NpzFile(tmp_path / "f.npz").rows("a"))


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"f\.npz is no whole \.npz file \(File is not a zip file\): save it again"):
        NpzFile(path).headers()
    np.savez(path, a=np.arange(5000))
    whole = path.read_bytes()
    path.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    with pytest.raises(DataError, match="Bad CRC-32"):
        list(NpzFile(path).rows("a"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"not an array")
    with pytest.raises(DataError, match="is no whole"):
        NpzFile(path).headers()


def test_an_array_that_ends_early(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(100))
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("a.npy", (tmp_path / "a.npy").read_bytes()[:-8])
    with pytest.raises(DataError, match="an array ends early"):
        list(NpzFile(tmp_path / "f.npz").rows("a"))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"f\.npz cannot be read \(No such file or directory\)"):
        NpzFile(tmp_path / "f.npz").headers()
