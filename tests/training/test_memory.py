from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nasflow.config import ResourcesConfig
from nasflow.training.memory import FREE_SHARE, GIB, free_memory, largest_over, memory_kills, memory_limit, used_memory

MIB = 2**20
TAKE = "import sys; taken = bytearray(b'x') * (int(sys.argv[1]) * 2**20); print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def takers() -> Iterator[list[int]]:
    """Two processes that hold 50 and 150 MiB."""
    processes = [
        subprocess.Popen([sys.executable, "-c", TAKE, str(mib)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for mib in (50, 150)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    yield [process.pid for process in processes]
    for process in processes:
        process.communicate()


class TestUsed:
    @pytest.mark.parametrize("exact", [False, True])
    def test_counts_what_a_process_took(self, takers, exact):
        small, large = (used_memory(pid, exact) for pid in takers)
        assert 50 * MIB < small < 100 * MIB
        assert 99 * MIB < large - small < 101 * MIB + 2 * MIB

    def test_of_a_process_that_is_gone_is_nothing(self):
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        assert used_memory(process.pid) == 0

    def test_pages_of_a_mapped_file_do_not_count(self, tmp_path):
        import mmap

        path = tmp_path / "data"
        path.write_bytes(b"x" * 64 * MIB)
        before = used_memory(os.getpid())
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            assert sum(mapped[i] for i in range(0, len(mapped), 4096)) > 0
            assert used_memory(os.getpid()) - before < 16 * MIB


class TestWatch:
    def test_names_the_largest_only_where_all_are_over(self, takers):
        assert largest_over(takers, 190 * MIB) == takers[1]
        assert largest_over(takers, 600 * MIB) is None
        assert largest_over([], 0) is None


class TestLimit:
    def test_is_what_the_configuration_says(self):
        assert memory_limit(ResourcesConfig(memory_gib=1.5)) == int(1.5 * GIB)

    def test_is_a_share_of_what_is_free(self):
        limit = memory_limit(ResourcesConfig())
        assert 0 < limit < FREE_SHARE * psutil.virtual_memory().total


class TestKills:
    def test_are_counted_by_the_system(self, tmp_path):
        statistics = tmp_path / "vmstat"
        statistics.write_text("nr_free_pages 12\noom_kill 3\npgfault 9\n")
        assert memory_kills(statistics) == 3

    def test_are_none_where_it_does_not_tell(self, tmp_path):
        other = tmp_path / "vmstat"
        other.write_text("nr_free_pages 12\n")
        assert memory_kills(other) == memory_kills(tmp_path / "nowhere") == 0


class TestFree:
    """On made-up control groups."""

    def folder(self, tmp_path: Path, files: dict[str, str]) -> tuple[Path, Path]:
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        own = tmp_path / "own"
        own.write_text("4:memory:/pod/container\n1:cpu,cpuacct:/elsewhere\n0::/pod\n")
        return tmp_path / "cgroup", own

    def test_is_what_the_container_leaves(self, tmp_path):
        files = {
            "memory.max": f"{1 * GIB}\n",
            "memory.current": f"{600 * MIB}\n",
            "memory.stat": f"anon 5\ninactive_file {100 * MIB}\n",
        }
        assert free_memory(*self.folder(tmp_path, files)) == GIB - 500 * MIB

    def test_no_limit_is_no_limit(self, tmp_path):
        files = {"memory.max": "max\n", "memory.current": "5\n"}
        assert free_memory(*self.folder(tmp_path, files)) > 500 * MIB

    def test_the_tightest_group_counts(self, tmp_path):
        files = {
            "memory.max": "max\n",
            "memory.current": "0\n",
            "pod/memory.max": f"{2 * GIB}\n",
            "pod/memory.current": "0\n",
            "memory/pod/memory.limit_in_bytes": f"{2**63 - 4096}\n",
            "memory/pod/memory.usage_in_bytes": "0\n",
            "memory/pod/container/memory.limit_in_bytes": f"{GIB}\n",
            "memory/pod/container/memory.usage_in_bytes": f"{GIB // 2}\n",
            "memory/pod/container/memory.stat": f"total_inactive_file {GIB // 4}\n",
        }
        assert free_memory(*self.folder(tmp_path, files)) == 3 * GIB // 4

    def test_a_group_that_is_over_leaves_nothing(self, tmp_path):
        files = {"memory.max": "1000\n", "memory.current": "2000\n"}
        assert free_memory(*self.folder(tmp_path, files)) == 0

    def test_without_control_groups_the_system_counts(self, tmp_path):
        free = free_memory(tmp_path / "none", tmp_path / "neither")
        assert free == pytest.approx(psutil.virtual_memory().available, rel=0.2)
