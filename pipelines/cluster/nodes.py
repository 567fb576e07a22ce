"""The cluster's nodes, as far as this user may look at them: version and accelerators."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from nasflow.pipelines.cluster.findings import Finding

_OLDEST, _NEWEST = 30, 34
_SECONDS = 10
_WHAT = "Kubernetes"


def nodes() -> Finding:
    """Tell the version of Kubernetes and the accelerators that its nodes have to give.

    They are not tested where there is no kubeconfig, or where this user may not see nodes, which a search needs not.
    """
    file = _kubeconfig()
    if file is None and "KUBERNETES_SERVICE_HOST" not in os.environ:
        return Finding(_WHAT, "not looked at: there is no kubeconfig here; a search needs none", well=None)
    import urllib3
    from kubernetes import client, config

    try:
        if file is None:
            config.load_incluster_config()
        else:
            config.load_kube_config(file)
        version = client.VersionApi().get_code(_request_timeout=_SECONDS)
        listed = client.CoreV1Api().list_node(_request_timeout=_SECONDS).items
    except client.ApiException as error:
        if error.status == 403:
            return Finding(_WHAT, "not looked at: this user may not see nodes; a search needs not", well=None)
        return Finding(_WHAT, f"its API answers {error.status}: renew the login of your kubeconfig.", well=False)
    except (config.ConfigException, urllib3.exceptions.HTTPError, OSError) as error:
        kind = type(error).__name__
        return Finding(
            _WHAT, f"cannot be reached ({kind}): check KUBECONFIG, and that you are in its network.", well=False
        )
    return _told(version, listed)


def _told(version: Any, listed: list[Any]) -> Finding:
    minor = "".join(each for each in version.minor if each.isdigit())
    shown = f"version {version.major}.{minor}, {len(listed)} nodes"
    if version.major != "1" or not _OLDEST <= int(minor or 0) <= _NEWEST:
        return Finding(_WHAT, f"{shown}: tested are 1.{_OLDEST} to 1.{_NEWEST}; expect differences.", well=False)
    accelerators: Counter[str] = Counter()
    for node in listed:
        for name, amount in (node.status.allocatable or {}).items():
            if "/" in name and amount.isdigit() and "hugepages" not in name:
                accelerators[name] += int(amount)
    have = ", ".join(f"{number} {name}" for name, number in sorted(accelerators.items()) if number)
    return Finding(_WHAT, f"{shown}, {have or 'no accelerators: no device plugin offers any'}")


def _kubeconfig() -> str | None:
    """Return the kubeconfig as the environment has it now (kubernetes' own default is from when it was imported)."""
    given = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    return given if any(part and Path(part).is_file() for part in given.split(os.pathsep)) else None
