"""Members of archives: in order, confined, and one sentence for what is broken."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from nasflow.data.sources import archives
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
        ("/a/b.jpg", None),
        ("//a/b.jpg", None),
        ("/../b.jpg", None),
        ("C:/b.jpg", None),
        ("a/" * 100 + "b.jpg", None),
    ],
)
def test_names_are_confined(name: str, within: str | None) -> None:
    assert confined(name) == within


def with_member(folder: Path, suffix: str, name: str, kind: str = "file", target: str = "") -> Path:
    """Return an archive of a good file and another member."""
    path = folder / f"d{suffix}"
    if suffix == ".zip":
        modes = {"file": stat.S_IFREG, "symlink": stat.S_IFLNK, "device": stat.S_IFCHR, "pipe": stat.S_IFIFO}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/1.png", b"x")
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes[kind] | 0o777) << 16
            archive.writestr(info, target)
        return path
    kinds = {"file": tarfile.REGTYPE, "symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE}
    kinds |= {"device": tarfile.CHRTYPE, "block device": tarfile.BLKTYPE, "pipe": tarfile.FIFOTYPE}
    with tarfile.open(path, TARS[suffix]) as archive:
        good = tarfile.TarInfo("a/1.png")
        good.size = 1
        archive.addfile(good, io.BytesIO(b"x"))
        other = tarfile.TarInfo(name)
        other.type, other.linkname = kinds[kind], target
        archive.addfile(other)
    return path


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
@pytest.mark.parametrize(
    "name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "C:out.png", "a/../b.png", "..", "/"]
)
def test_a_member_whose_name_leads_out_is_refused(tmp_path: Path, suffix: str, name: str) -> None:
    path = with_member(tmp_path, suffix, name)
    with pytest.raises(DataError) as caught:
        list(members(path))
    assert str(caught.value) == (
        f"data.source: the archive {path} is refused, since its member '{name}' has a name that leads out of it, or is "
        f"nested too deeply: pack the files themselves, from the folder that holds the class folders."
    )


def test_a_backslash_leads_out_as_well(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"its member '\.\./out\.png' has a name that leads out"):
        list(members(with_member(tmp_path, ".zip", "..\\out.png")))


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".zip", "symlink"), (".tar", "symlink"), (".tar.gz", "symlink"), (".tar.gz", "hard link")]
)
@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "b/../../../out", "C:/out"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, suffix: str, kind: str, target: str) -> None:
    with pytest.raises(DataError, match=r"its member 'a/l' is a link that leads out of it, to '.*': pack the files"):
        list(members(with_member(tmp_path, suffix, "a/l", kind, target)))


@pytest.mark.parametrize(
    ("suffix", "kind", "target"),
    [(".zip", "symlink", "../a/1.png"), (".tar", "symlink", "../a/1.png"), (".tar.gz", "hard link", "a/1.png")],
)
def test_a_link_to_another_member_is_passed_over(tmp_path: Path, suffix: str, kind: str, target: str) -> None:
    path = with_member(tmp_path, suffix, "b/l.png", kind, target)
    assert [(member.place, member.name) for member in members(path)] == [(0, "a/1.png")]


def test_a_link_alone_says_so(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "d.tar", "w") as archive:
        for name in ("./", "a/", "a/1.png", "a/2.png"):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = (tarfile.DIRTYPE, "") if name.endswith("/") else (tarfile.SYMTYPE, "x.png")
            archive.addfile(info)
    with pytest.raises(DataError, match=r"holds no file, but 2 links to other members; pack the files themselves"):
        list(members(tmp_path / "d.tar"))


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".zip", "device"), (".zip", "pipe"), (".tar", "device"), (".tar.gz", "block device"), (".tar", "pipe")],
)
def test_a_device_is_refused(tmp_path: Path, suffix: str, kind: str) -> None:
    with pytest.raises(DataError, match=r"is refused, since its member 'a/d' is a device: pack the files"):
        list(members(with_member(tmp_path, suffix, "a/d", kind)))


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_what_unpacks_to_a_vast_multiple_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / f"d{suffix}", {"a/1.png": bytes(8 << 20), "b/1.png": b"x"})
    assert len(list(members(path))) == 3
    monkeypatch.setattr(archives, "_BOMB_BYTES", 4 << 20)
    with pytest.raises(DataError, match=rf"{path} unpacks to more than 200 times its size \(0\.0 GiB or more\): no im"):
        list(members(path))


def test_a_name_without_end_is_damage(tmp_path: Path) -> None:
    """Python reads the whole of it into memory."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / "d.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    with pytest.raises(DataError, match=r"is damaged \(a name of 8,589,934,592 bytes\)"):
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
