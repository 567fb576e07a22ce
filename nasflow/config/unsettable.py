"""What a pod may have elsewhere and cannot be given here: each by name, with where it is set instead."""

from __future__ import annotations

import re

_ARGO = "Argo's workflow controller (the ConfigMap workflow-controller-configmap)"
_PATCH = f"set it for all pods in {_ARGO}, under workflowDefaults.spec.podSpecPatch"
_ADMISSION = (
    "set it by an admission policy of the namespace (a MutatingAdmissionPolicy, or Kyverno); nasflow's image runs as "
    "any user, with no capability, on a read-only root file system, with /tmp and /cache writable"
)
_ROUND = "see 'budget' and 'parallelism' in this file"

_INSTEAD: dict[str, tuple[str, ...]] = {
    f"Kubeflow Pipelines sets no priority class on a task; set it in {_ARGO}, under "
    "workflowDefaults.spec.podPriorityClassName, or mark a PriorityClass as globalDefault": (
        "priorityclass",
        "priorityclassname",
        "priority",
        "preemptionpolicy",
    ),
    "a run has one service account for all its tasks: choose it when the run is created, or set "
    "DEFAULTPIPELINERUNNERSERVICEACCOUNT of Kubeflow's API server": ("serviceaccount", "serviceaccountname"),
    f"Kubeflow Pipelines cannot set it on a task, and none is needed, since every epoch is in the store; {_PATCH}": (
        "terminationgraceperiod",
        "terminationgraceperiodseconds",
        "graceperiod",
        "lifecycle",
        "prestop",
    ),
    f"Kubeflow Pipelines cannot set it on a task; {_ADMISSION}": (
        "readonlyrootfilesystem",
        "readonlyroot",
        "securitycontext",
        "podsecuritycontext",
        "privileged",
        "allowprivilegeescalation",
        "capabilities",
        "seccompprofile",
        "apparmorprofile",
        "selinuxoptions",
        "runasuser",
        "runasgroup",
        "runasnonroot",
        "fsgroup",
        "supplementalgroups",
    ),
    "affinities are not offered: node_selector, tolerations and spot choose the nodes; anything else is set in "
    f"{_ARGO}, under workflowDefaults.spec.affinity": (
        "affinity",
        "nodeaffinity",
        "podaffinity",
        "podantiaffinity",
        "topologyspreadconstraints",
    ),
    f"Kubeflow Pipelines cannot set it on a task; {_PATCH}": (
        "runtimeclass",
        "runtimeclassname",
        "schedulername",
        "scheduler",
        "hostnetwork",
        "hostpid",
        "hostipc",
        "hostaliases",
        "hostname",
        "dnspolicy",
        "dnsconfig",
        "nodename",
        "initcontainers",
        "sidecars",
        "containers",
        "livenessprobe",
        "readinessprobe",
        "ports",
        "resourceclaims",
        "ephemeralstorage",
        "automountserviceaccounttoken",
        "enableservicelinks",
    ),
    "volumes of one's own are not offered: cache mounts a claim at /cache, secret_files a Secret, and "
    "shared_memory_gib /dev/shm": ("volumes", "volumemounts", "volume", "pvc", "emptydir", "hostpath"),
    f"an installation retries lost pods by templateDefaults.retryStrategy in {_ARGO}; elsewhere the same command goes "
    "on where the run stopped": ("retry", "retries", "retrystrategy", "restartpolicy", "backofflimit"),
    f"time is limited by budget.hours and budget.trial_seconds; {_ROUND}": (
        "timeout",
        "activedeadlineseconds",
        "deadline",
    ),
    "the image is named by --image or NASFLOW_IMAGE, by digest, so that no pull policy is needed": (
        "image",
        "imagepullpolicy",
        "command",
        "args",
    ),
    "the namespace is that of the run": ("namespace",),
    "write accelerator: {type: nvidia.com/gpu, count: 1}": ("gpu", "gpus", "gpucount", "accelerators", "nvidiacomgpu"),
    "write cpu and memory_gib, which are request and limit at once": ("requests", "limits", "resources"),
    "write memory_gib, as in memory_gib: 16": ("memory", "memorylimit", "memoryrequest", "mem", "ram", "memorygb"),
    "write cpu, as in cpu: 4": ("cpus", "cores", "cpulimit", "cpurequest"),
    "write shared_memory_gib, as in shared_memory_gib: 4": ("shm", "shmsize", "sharedmemory", "devshm"),
    "write secrets, as in secrets: {nasflow-s3: {AWS_ACCESS_KEY_ID: accesskey}}": ("secretenv", "envfrom", "secret"),
    "write config_maps, as in config_maps: {nasflow: {MLFLOW_TRACKING_URI: tracking}}": ("configmap",),
}

_BY_NAME = {name: text for text, names in _INSTEAD.items() for name in names}


def set_elsewhere(key: str) -> str:
    """Return what to do about a field that pods have elsewhere and not here; an empty text for any other key.

    Args:
        key: As written: `priorityClassName`, `priority_class` and `priority-class-name` are recognised alike.
    """
    return _BY_NAME.get(re.sub(r"[^a-z]", "", key.lower()), "")
