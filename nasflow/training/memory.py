"""How much memory the workers may use, and how much they do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil

from nasflow.config import ResourcesConfig

GIB = 2**30
FREE_SHARE = 0.8
"""Share of the free memory that the workers may use together, where the configuration names no limit."""
_CGROUPS = Path("/sys/fs/cgroup")
_STATISTICS = Path("/proc/vmstat")


def memory_limit(resources: ResourcesConfig) -> int:
    """Return the bytes that all workers of this process may use together."""
    if resources.memory_gib is not None:
        return int(resources.memory_gib * GIB)
    return int(FREE_SHARE * free_memory())


def free_memory(cgroups: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the bytes that can still be had here: what the system has, or what the container's limit leaves.

    Args:
        cgroups: Where the control groups are mounted.
        own: The file that says which groups this process is in.
    """
    free = [psutil.virtual_memory().available]
    for folder in _groups(cgroups, own):
        v2, v1 = folder / "memory.max", folder / "memory.limit_in_bytes"
        limit = _number(v2) if v2.exists() else _number(v1)
        used = _number(folder / "memory.current") if v2.exists() else _number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            free.append(max(0, limit - used + _reclaimable(folder / "memory.stat")))
    return min(free)


def used_memory(pid: int, exact: bool = False) -> int:
    """Return the bytes that a process has for itself; 0 where it is gone.

    Pages of memory-mapped files (the data) are left out. What a process shares with the one it was forked from counts
    unless `exact`, which takes longer to find out.
    """
    try:
        process = psutil.Process(pid)
        if exact:
            return int(process.memory_full_info().uss)
        found = process.memory_info()
        return int(found.rss - getattr(found, "shared", 0))
    except psutil.Error:
        return 0


def largest_over(pids: Iterable[int], limit: int) -> int | None:
    """Return the process that uses most where all together use more than the limit, else None."""
    pids = list(pids)
    if sum(map(used_memory, pids)) <= limit:
        return None
    exact = {pid: used_memory(pid, exact=True) for pid in pids}
    return max(exact, key=lambda pid: exact[pid]) if sum(exact.values()) > limit else None


def memory_kills(statistics: Path = _STATISTICS) -> int:
    """Return how many processes the system has killed since it started because memory ran out; 0 where it tells not.

    Args:
        statistics: The kernel's counters of virtual memory; kills within a control group count there too.
    """
    try:
        counts = dict(line.split() for line in statistics.read_text().splitlines())
        return int(counts.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0


def _groups(cgroups: Path, own: Path) -> list[Path]:
    """Return the folders that may carry a memory limit: the process's groups with all above them, versions 1 and 2."""
    folders = [cgroups, cgroups / "memory"]
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = cgroups / "memory" if controllers else cgroups
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders += [base.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return folders


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def _reclaimable(stat: Path) -> int:
    """Return the bytes of cached files that a group counts as used but gives up when memory is short."""
    try:
        counts = dict(line.split() for line in stat.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))
