"""Members of archives: in order, confined, and one sentence for what is broken."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from nasflow.data.sources.archives import confined, members
from nasflow.errors import DataError

FILES = {"b/2.txt": b"two" * 3000, "a/1.txt": b"one", "top.txt": b""}
TARS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz", ".txz": "w:xz"}


def packed(path: Path, files: dict[str, bytes] = FILES) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("empty")
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, TARS["".join(path.suffixes)]) as archive:
        folder = tarfile.TarInfo("empty")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("suffix", [".zip", *TARS])
def test_members_come_in_order_with_their_content(tmp_path: Path, suffix: str) -> None:
    path = packed(tmp_path / f"data{suffix}")
    found = [(m.place, m.name, m.is_folder, m.size, b"" if m.is_folder else m.read(m.size)) for m in members(path)]
    files = [(place, name, False, len(content), content) for place, (name, content) in enumerate(FILES.items(), 1)]
    assert found == [(0, "empty", True, 0, b""), *files]
    assert [member.read(4) for member in members(path) if not member.is_folder] == [b"twot", b"one", b""]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_what_is_not_asked_for_is_passed_over(tmp_path: Path, suffix: str) -> None:
    found = [member.read(9) for member in members(packed(tmp_path / f"d{suffix}")) if member.name.startswith("a/")]
    assert found == [b"one"]


def test_streams_that_follow_one_another_are_one_archive(tmp_path: Path) -> None:
    """pigz and pbzip2 write such files."""
    import bz2

    whole = packed(tmp_path / "data.tar").read_bytes()
    (tmp_path / "d.tar.bz2").write_bytes(bz2.compress(whole[:2000]) + bz2.compress(whole[2000:]))
    assert [member.name for member in members(tmp_path / "d.tar.bz2")] == ["empty", *FILES]


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("a/", "a"),
        (".", ""),
        ("a/b..jpg", "a/b..jpg"),
        ("../b.jpg", None),
        ("a/../../b.jpg", None),
        ("/etc/passwd", None),
        ("C:/b.jpg", None),
        ("a/" * 100 + "b.jpg", None),
    ],
)
def test_names_are_confined(name: str, within: str | None) -> None:
    assert confined(name) == within


def test_links_devices_and_outsiders_are_no_members(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "d.tar", "w") as archive:
        for name, kind in (
            ("s", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("f", tarfile.FIFOTYPE),
            ("d", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("../out", "/abs", "in"):
            archive.addfile(tarfile.TarInfo(name))
    assert [(member.place, member.name) for member in members(tmp_path / "d.tar")] == [(6, "in")]
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        for name in ("../out", "/abs", "in\\side"):
            archive.writestr(name, b"x")
    assert [member.name for member in members(tmp_path / "d.zip")] == ["in/side"]


@pytest.mark.parametrize("suffix", [".zip", *TARS])
@pytest.mark.parametrize("damage", ["nonsense", "cut", "empty"])
def test_broken_archives_are_one_sentence(tmp_path: Path, suffix: str, damage: str) -> None:
    path = packed(tmp_path / f"data{suffix}", {"a/1": bytes(range(256)) * 200, "b/2": b"x"})
    whole = path.read_bytes()
    path.write_bytes({"nonsense": b"no archive at all" * 99, "cut": whole[: len(whole) // 2], "empty": b""}[damage])
    with pytest.raises(DataError) as caught:
        _ = [member.read(member.size) for member in members(path) if not member.is_folder]
    message = str(caught.value)
    assert message.startswith(f"data.source: the archive {path} is damaged")
    assert message.endswith("): get it or pack it again.")
    assert "\n" not in message


def test_a_member_of_a_zip_that_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.jpg", b"x" * 1000)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged at 'a/1\.jpg' \(Bad CRC-32 for file 'a/1\.jpg'\)"):
        _ = [member.read(1000) for member in members(path)]


def test_an_encrypted_zip_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "d.zip", {"a": b"x"})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"d\.zip is encrypted; unpack it and name the folder"):
        list(members(path))


def test_an_archive_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"d\.tar cannot be read \(No such file or directory\)"):
        list(members(tmp_path / "d.tar"))
