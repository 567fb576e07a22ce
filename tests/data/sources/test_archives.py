"""Members of archives: in order, confined, and one sentence for what is broken."""

from __future__ import annotations

import gzip
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
        ("/a/b.jpg", "a/b.jpg"),
        ("//a/b.jpg", "a/b.jpg"),
        ("/../b.jpg", None),
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
        for name in ("../out", "C:/out", "in"):
            archive.addfile(tarfile.TarInfo(name))
    assert [(member.place, member.name) for member in members(tmp_path / "d.tar")] == [(6, "in")]
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        for name in ("../out", "C:/out", "in\\side"):
            archive.writestr(name, b"x")
    assert [member.name for member in members(tmp_path / "d.zip")] == ["in/side"]


def test_paths_from_the_root_start_at_the_top_of_the_archive(tmp_path: Path) -> None:
    """`tar -P` and some programs that pack a zip write them."""
    for suffix in (".zip", ".tar.gz"):
        path = packed(tmp_path / f"d{suffix}", {"/data/a/1.png": b"x", "/data/b/1.png": b"y"})
        assert [m.name for m in members(path) if not m.is_folder] == ["data/a/1.png", "data/b/1.png"]


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_where_all_is_passed_over_the_reasons_are_told(tmp_path: Path, suffix: str) -> None:
    path = packed(tmp_path / f"d{suffix}", {"../a/1": b"x", "../b/1": b"y", "C:/c": b"z"})
    with pytest.raises(DataError) as caught:
        list(members(path))
    assert str(caught.value) == (
        f"data.source: the archive {path} holds no file that can be read without unpacking; of its members 3 have "
        "names that lead out of the archive: pack the files themselves, from the folder that holds the class folders."
    )


def test_a_tar_of_links_says_so(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "d.tar", "w") as archive:
        for name in ("./", "a/", "a/1.png", "a/2.png", "../x"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.SYMTYPE
            archive.addfile(info)
    with pytest.raises(DataError, match="of its members 2 are links or devices, 1 has a name that leads out of the ar"):
        list(members(tmp_path / "d.tar"))


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_names_of_a_tar_that_are_not_utf8_are_read(tmp_path: Path, form: int) -> None:
    with tarfile.open(tmp_path / "d.tar", "w", format=form, encoding="latin-1") as archive:
        for name in ("caf\u00e9/1.png", "n/\u00fc.png"):
            archive.addfile(tarfile.TarInfo(name))
    assert [member.name for member in members(tmp_path / "d.tar")] == ["caf\u00e9/1.png", "n/\u00fc.png"]


def test_names_of_a_zip_are_read_by_what_they_are(tmp_path: Path) -> None:
    """Windows writes code page 437; macOS UTF-8 without a word of it; Python UTF-8 that is marked so."""
    names = {"dos": "caf\u00e9".encode("cp437"), "mac": "caf\u00e9".encode()}
    for kind, name in names.items():
        path = tmp_path / f"{kind}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x" * len(name), b"")
        path.write_bytes(path.read_bytes().replace(b"x" * len(name), name))
        assert [member.name for member in members(path)] == ["caf\u00e9"]
    marked = packed(tmp_path / "marked.zip", {"caf\u00e9": b"", "\u03a9": b""})
    assert [member.name for member in members(marked)] == ["empty", "caf\u00e9", "\u03a9"]


class TestEndOfTar:
    """Three members of a header each, `b/2.txt` with 9,000 bytes too, and a header for the folder."""

    END = 512 * (1 + (1 + 18) + (1 + 1) + 1)

    def cut(self, folder: Path, length: int, more: bytes = b"") -> Path:
        whole = packed(folder / "data.tar").read_bytes()
        assert not any(whole[self.END :])
        (folder / "cut.tar").write_bytes(whole[:length] + more)
        return folder / "cut.tar"

    @pytest.mark.parametrize("length", [END, END - 512, END - 100, 512, 600])
    def test_without_an_end_it_is_cut_short(self, tmp_path: Path, length: int) -> None:
        path = self.cut(tmp_path, length)
        with pytest.raises(DataError, match=rf"{path} is cut short \(no mark of its end follows its \d members\): get"):
            list(members(path))

    @pytest.mark.parametrize("zeros", [512, 1024, 10240])
    def test_one_block_of_zeros_is_an_end(self, tmp_path: Path, zeros: int) -> None:
        assert len(list(members(self.cut(tmp_path, self.END, bytes(zeros))))) == 4

    def test_what_is_no_header_is_no_end(self, tmp_path: Path) -> None:
        path = self.cut(tmp_path, self.END, b"nonsense" * 128)
        with pytest.raises(DataError, match=rf"is damaged after byte {self.END:,} \(no mark of its end follows its 4 "):
            list(members(path))

    def test_a_cut_one_that_was_compressed_is_cut_short(self, tmp_path: Path) -> None:
        whole = self.cut(tmp_path, self.END - 512).read_bytes()
        (tmp_path / "d.tar.gz").write_bytes(gzip.compress(whole))
        with pytest.raises(DataError, match="is cut short"):
            list(members(tmp_path / "d.tar.gz"))


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
