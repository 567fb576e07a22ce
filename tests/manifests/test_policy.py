"""What every overlay is held to, one rule a function, and each rule is known to bite."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

Document = dict[str, Any]
Build = Callable[[str], list[Document]]
Rule = Callable[[list[Document]], Iterator[str]]

TOKENS = {"nasflow-pipeline": "Kubeflow's launcher and Argo's executor share the pod with the step, and use the API"}
"""Service accounts whose pods get a token, and why."""

WRITABLE_ROOTS: dict[str, str] = {}
"""Containers whose root file system is writable, and why: none."""

RUN = {"workflows.argoproj.io/workflow": "a-run"}
"""The label by which a run's pods are known, which Argo makes."""

LONG_RUNNING = {"Deployment", "StatefulSet", "DaemonSet", "InferenceService"}


@dataclass(frozen=True)
class Pod:
    """A pod that an overlay makes, by whatever kind."""

    owner: str
    kind: str
    namespace: str
    labels: dict[str, str]
    spec: Document

    @property
    def containers(self) -> list[Document]:
        return [c for key in ("initContainers", "containers") for c in self.spec.get(key, ())]


def pods(documents: list[Document]) -> Iterator[Pod]:
    for document in documents:
        kind, spec, metadata = document["kind"], document.get("spec", {}), document["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace", "")
        if kind == "InferenceService":
            for part in spec.values():
                yield Pod(name, kind, namespace, {"serving.kserve.io/inferenceservice": name}, part)
            continue
        if kind == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if kind == "Pod":
            yield Pod(name, kind, namespace, metadata.get("labels", {}), spec)
        elif "template" in spec:
            template = spec["template"]
            yield Pod(name, kind, namespace, template["metadata"].get("labels", {}), template["spec"])


def of(documents: list[Document], *kinds: str) -> Iterator[Document]:
    return (document for document in documents if document["kind"] in kinds)


def runs_as_nobody_special(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        for container in pod.containers:
            found = {**pod.spec.get("securityContext", {}), **container.get("securityContext", {})}
            if found.get("runAsNonRoot") is not True or found.get("runAsUser", 0) == 0:
                yield f"{pod.owner}: {container['name']} may be root"
            if found.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                yield f"{pod.owner}: {container['name']} has no seccomp profile"


def gains_nothing(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        for container in pod.containers:
            found = container.get("securityContext", {})
            if found.get("allowPrivilegeEscalation") is not False or found.get("privileged"):
                yield f"{pod.owner}: {container['name']} may gain privileges"
            if found.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{pod.owner}: {container['name']} keeps capabilities"


def writes_nowhere_but_on_volumes(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        for container in pod.containers:
            read_only = container.get("securityContext", {}).get("readOnlyRootFilesystem") is True
            if not read_only and f"{pod.owner}/{container['name']}" not in WRITABLE_ROOTS:
                yield f"{pod.owner}: {container['name']} can write its root file system"
        for volume in pod.spec.get("volumes", ()):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{pod.owner}: volume {volume['name']} can fill the node's disk"


def keeps_off_the_node(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        if any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{pod.owner}: shares the node's network or processes"
        if any("hostPath" in volume for volume in pod.spec.get("volumes", ())):
            yield f"{pod.owner}: mounts a path of the node"
        if any("hostPort" in port for container in pod.containers for port in container.get("ports", ())):
            yield f"{pod.owner}: opens a port of the node"


def states_what_it_takes(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        for container in pod.containers:
            for kind in ("requests", "limits"):
                if not {"cpu", "memory"} <= set(container.get("resources", {}).get(kind, {})):
                    yield f"{pod.owner}: {container['name']} has no {kind}"


def is_looked_after(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        for container in pod.spec["containers"] if pod.kind in LONG_RUNNING else ():
            for probe in ("livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{pod.owner}: {container['name']} has no {probe}"


def comes_from_a_pinned_image(documents: list[Document]) -> Iterator[str]:
    pinned = re.compile(r"[a-z0-9.-]+\.[a-z]+(:\d+)?/[a-z0-9./_-]+(:(?!latest)[\w.-]*\d[\w.-]*|@sha256:[0-9a-f]{64})")
    for pod in pods(documents):
        for container in pod.containers:
            if not pinned.fullmatch(container["image"]):
                yield f"{pod.owner}: image {container['image']} is not pinned to a version at a registry"


def has_an_account_of_its_own(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        if pod.spec.get("serviceAccountName", "default") == "default":
            yield f"{pod.owner}: uses the default service account"


def holds_no_token_without_need(documents: list[Document]) -> Iterator[str]:
    for pod in pods(documents):
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.owner}: mounts a token"
    for account in of(documents, "ServiceAccount"):
        name = account["metadata"]["name"]
        if account.get("automountServiceAccountToken") is not False and name not in TOKENS:
            yield f"{name}: gives its pods a token"


def holds_no_secret(documents: list[Document]) -> Iterator[str]:
    for document in of(documents, "Secret"):
        yield f"{document['metadata']['name']}: a Secret with data is in the manifests"
    for pod in pods(documents):
        for container in pod.containers:
            for variable in container.get("env", ()):
                telling = re.search(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|ACCESS_KEY|(^|_)KEY$", variable["name"])
                if telling and "value" in variable and not variable["name"].endswith("_FILE"):
                    yield f"{pod.owner}: {variable['name']} is written out"
    for document in documents:
        if re.search(r"://[^/\s'\"@]*:[^/\s'\"@]+@", str(document)):
            yield f"{document['metadata']['name']}: an address holds a password"


def grants_little(documents: list[Document]) -> Iterator[str]:
    for document in of(documents, "ClusterRole", "ClusterRoleBinding"):
        yield f"{document['metadata']['name']}: reaches beyond its namespace"
    for role in of(documents, "Role", "ClusterRole"):
        name = role["metadata"]["name"]
        for rule in role.get("rules") or ():
            verbs, resources = set(rule["verbs"]), set(rule["resources"])
            if any("*" in entry for key in ("apiGroups", "resources", "verbs") for entry in rule[key]):
                yield f"{name}: has a wildcard"
            if "secrets" in resources and (verbs != {"get"} or not rule.get("resourceNames")):
                yield f"{name}: reads Secrets that are not named"
            if verbs & {"escalate", "bind", "impersonate"} or resources & {"pods/exec", "pods/attach", "nodes"}:
                yield f"{name}: could take more than it has"
    for binding in of(documents, "RoleBinding"):
        for subject in binding["subjects"]:
            if subject["kind"] != "ServiceAccount" or subject["name"] == "default":
                yield f"{binding['metadata']['name']}: is given to {subject['kind']} {subject['name']}"


def denies_by_default(documents: list[Document]) -> Iterator[str]:
    found = [(pod.owner, pod.namespace, pod.labels) for pod in pods(documents)]
    found += [
        ("the runs", account["metadata"]["namespace"], RUN)
        for account in of(documents, "ServiceAccount")
        if account["metadata"]["name"] == "nasflow-pipeline"
    ]
    for owner, namespace, labels in found:
        for direction in ("Ingress", "Egress"):
            if not any(
                policy["metadata"]["namespace"] == namespace
                and direction in policy["spec"]["policyTypes"]
                and direction.lower() not in policy["spec"]
                and selects(policy["spec"]["podSelector"], labels)
                for policy in of(documents, "NetworkPolicy")
            ):
                yield f"{owner}: {direction} is not denied by default"


def opens_only_what_it_names(documents: list[Document]) -> Iterator[str]:
    for policy in of(documents, "NetworkPolicy"):
        name = policy["metadata"]["name"]
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, ()):
                if not rule.get(peers) or not rule.get("ports"):
                    yield f"{name}: {direction} to or from anywhere, or any port"
                for peer in rule.get(peers, ()):
                    blocks = peer.get("ipBlock", {}).get("cidr", "")
                    if blocks.endswith("/0") or peer.get("namespaceSelector") == {}:
                        yield f"{name}: {direction} to or from anywhere"
    for service in of(documents, "Service"):
        if service["spec"].get("type", "ClusterIP") != "ClusterIP":
            yield f"{service['metadata']['name']}: is open to outside the cluster"


def is_confined_by_kubernetes_too(documents: list[Document]) -> Iterator[str]:
    for namespace in of(documents, "Namespace"):
        if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{namespace['metadata']['name']}: the namespace admits any pod"


def selects(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a selector, of labels and of the operators that are used here, takes a pod with these labels."""
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "Exists", "teach this function the operator"
        if expression["key"] not in labels:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


RULES: list[Rule] = [
    runs_as_nobody_special,
    gains_nothing,
    writes_nowhere_but_on_volumes,
    keeps_off_the_node,
    states_what_it_takes,
    is_looked_after,
    comes_from_a_pinned_image,
    has_an_account_of_its_own,
    holds_no_token_without_need,
    holds_no_secret,
    grants_little,
    denies_by_default,
    opens_only_what_it_names,
    is_confined_by_kubernetes_too,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_overlay_keeps_the_rule(build: Build, overlay: str, rule: Rule) -> None:
    assert list(rule(build(overlay))) == []


def test_rules_see_every_pod(build: Build) -> None:
    """A kind that the rules do not know, and that makes pods, would pass them all."""
    owners = {
        overlay: sorted(pod.owner for pod in pods(build(overlay))) for overlay in ("standalone", "gpu", "serving")
    }
    assert owners == {
        "standalone": ["minio", "minio-setup", "mlflow", "postgres"],
        "gpu": ["nasflow-check-gpu", "nasflow-check-gpu-slices", "nasflow-check-gpu-spot"],
        "serving": ["champion"],
    }


def test_each_exception_is_used_and_has_a_reason(build: Build) -> None:
    accounts = {a["metadata"]["name"]: a for a in of(build("kubeflow"), "ServiceAccount")}
    for name, reason in TOKENS.items():
        assert reason
        assert accounts[name]["automountServiceAccountToken"] is True


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
SECURITY = (*CONTAINER, "securityContext")
SERVED = ("spec", "predictor")
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "planted"}, "data": {"password": "aHVudGVyMg=="}}
CLUSTER = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "planted"}}
ANYONE = {"kind": "Group", "name": "system:authenticated"}


@dataclass(frozen=True)
class Planted:
    """A violation: where, what is written there (None: what was there goes), and what the rule says of it."""

    rule: Rule
    kind: str
    name: str
    path: tuple[str | int, ...]
    value: object
    verdict: str
    overlay: str = "standalone"


PLANTED = [
    Planted(runs_as_nobody_special, "Deployment", "mlflow", (*POD, "securityContext", "runAsNonRoot"), None, "be root"),
    Planted(runs_as_nobody_special, "Deployment", "mlflow", (*POD, "securityContext", "runAsUser"), 0, "be root"),
    Planted(runs_as_nobody_special, "Deployment", "mlflow", (*SECURITY, "runAsNonRoot"), False, "be root"),
    Planted(runs_as_nobody_special, "Job", "minio-setup", (*POD, "securityContext", "seccompProfile"), None, "seccomp"),
    Planted(
        runs_as_nobody_special,
        "InferenceService",
        "champion",
        (*SERVED, "securityContext", "runAsUser"),
        0,
        "be root",
        "serving",
    ),
    Planted(gains_nothing, "StatefulSet", "minio", (*SECURITY, "allowPrivilegeEscalation"), None, "gain privileges"),
    Planted(gains_nothing, "StatefulSet", "minio", (*SECURITY, "privileged"), True, "gain privileges"),
    Planted(gains_nothing, "StatefulSet", "minio", (*SECURITY, "capabilities"), None, "keeps capabilities"),
    Planted(gains_nothing, "StatefulSet", "minio", (*SECURITY, "capabilities", "add"), ["NET_RAW"], "keeps capab"),
    Planted(gains_nothing, "Deployment", "mlflow", (*POD, "initContainers"), [{"name": "early"}], "early may gain"),
    Planted(
        writes_nowhere_but_on_volumes, "Job", "minio-setup", (*SECURITY, "readOnlyRootFilesystem"), False, "can write"
    ),
    Planted(
        writes_nowhere_but_on_volumes, "Deployment", "mlflow", (*POD, "volumes", 1, "emptyDir"), {}, "scratch can fill"
    ),
    Planted(keeps_off_the_node, "Deployment", "mlflow", (*POD, "hostNetwork"), True, "shares the node"),
    Planted(keeps_off_the_node, "Deployment", "mlflow", (*POD, "volumes", 0, "hostPath"), {"path": "/"}, "a path of"),
    Planted(keeps_off_the_node, "Deployment", "mlflow", (*CONTAINER, "ports", 0, "hostPort"), 80, "a port of"),
    Planted(states_what_it_takes, "StatefulSet", "postgres", (*CONTAINER, "resources", "limits"), None, "no limits"),
    Planted(
        states_what_it_takes,
        "StatefulSet",
        "postgres",
        (*CONTAINER, "resources", "requests", "memory"),
        None,
        "no requests",
    ),
    Planted(is_looked_after, "StatefulSet", "postgres", (*CONTAINER, "livenessProbe"), None, "no livenessProbe"),
    Planted(
        is_looked_after,
        "InferenceService",
        "champion",
        (*SERVED, "containers", 0, "readinessProbe"),
        None,
        "no readinessProbe",
        "serving",
    ),
    *(
        Planted(comes_from_a_pinned_image, "Deployment", "mlflow", (*CONTAINER, "image"), image, "not pinned")
        for image in ("mlflow", "ghcr.io/mlflow/mlflow", "ghcr.io/mlflow/mlflow:latest", "mlflow:3.17.2")
    ),
    Planted(has_an_account_of_its_own, "Deployment", "mlflow", (*POD, "serviceAccountName"), None, "default service"),
    Planted(
        has_an_account_of_its_own, "Deployment", "mlflow", (*POD, "serviceAccountName"), "default", "default service"
    ),
    Planted(
        holds_no_token_without_need, "Deployment", "mlflow", (*POD, "automountServiceAccountToken"), None, "a token"
    ),
    Planted(
        holds_no_token_without_need,
        "ServiceAccount",
        "nasflow-client",
        ("automountServiceAccountToken",),
        True,
        "gives its pods a token",
    ),
    Planted(holds_no_secret, "", "", (), SECRET, "a Secret with data"),
    Planted(
        holds_no_secret,
        "Deployment",
        "mlflow",
        (*CONTAINER, "env", 2),
        {"name": "PGPASSWORD", "value": "hunter2"},
        "PGPASSWORD is written out",
    ),
    Planted(
        holds_no_secret,
        "ConfigMap",
        "nasflow",
        ("data", "MLFLOW_TRACKING_URI"),
        "http://me:hunter2@mlflow:5000",
        "holds a password",
    ),
    Planted(grants_little, "", "", (), CLUSTER, "beyond its namespace"),
    Planted(grants_little, "Role", "nasflow-pipeline", ("rules", 0, "verbs"), ["*"], "wildcard"),
    Planted(grants_little, "Role", "nasflow-pipeline", ("rules", 0, "resources"), ["*"], "wildcard"),
    Planted(grants_little, "Role", "nasflow-pipeline", ("rules", 0, "resources"), ["*/log"], "wildcard"),
    Planted(grants_little, "Role", "nasflow-pipeline", ("rules", 0, "apiGroups"), ["*"], "wildcard"),
    Planted(grants_little, "Role", "nasflow-pipeline", ("rules", 3, "resourceNames"), None, "not named"),
    Planted(grants_little, "Role", "nasflow-pipeline", ("rules", 3, "verbs"), ["get", "list"], "not named"),
    Planted(grants_little, "Role", "nasflow-client", ("rules", 0, "verbs"), ["impersonate"], "more than it has"),
    Planted(grants_little, "Role", "nasflow-client", ("rules", 3, "resources"), ["pods/exec"], "more than it has"),
    Planted(grants_little, "RoleBinding", "nasflow-client", ("subjects", 0), ANYONE, "given to Group"),
    Planted(grants_little, "RoleBinding", "nasflow-client", ("subjects", 0, "name"), "default", "given to Service"),
    Planted(denies_by_default, "NetworkPolicy", "deny", ("spec", "policyTypes"), ["Ingress"], "mlflow: Egress"),
    Planted(denies_by_default, "NetworkPolicy", "deny", ("spec", "ingress"), [{}], "minio: Ingress"),
    Planted(denies_by_default, "NetworkPolicy", "deny", ("metadata", "namespace"), "elsewhere", "postgres: Egress"),
    Planted(
        denies_by_default,
        "NetworkPolicy",
        "nasflow-runs-deny",
        ("spec", "podSelector"),
        {"matchLabels": {"app": "other"}},
        "the runs: Ingress",
    ),
    Planted(opens_only_what_it_names, "NetworkPolicy", "minio", ("spec", "ingress", 0, "from"), None, "from anywhere"),
    Planted(opens_only_what_it_names, "NetworkPolicy", "minio", ("spec", "ingress", 0, "ports"), None, "any port"),
    Planted(
        opens_only_what_it_names,
        "NetworkPolicy",
        "mlflow",
        ("spec", "egress", 0, "to", 0),
        {"ipBlock": {"cidr": "0.0.0.0/0"}},
        "egress to or from anywhere",
    ),
    Planted(
        opens_only_what_it_names,
        "NetworkPolicy",
        "minio",
        ("spec", "ingress", 0, "from", 0),
        {"namespaceSelector": {}},
        "ingress to or from anywhere",
    ),
    Planted(opens_only_what_it_names, "Service", "mlflow", ("spec", "type"), "NodePort", "outside the cluster"),
    Planted(
        is_confined_by_kubernetes_too,
        "Namespace",
        "nasflow",
        ("metadata", "labels", "pod-security.kubernetes.io/enforce"),
        "privileged",
        "admits any pod",
    ),
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.rule.__name__}-{p.name}-{p.verdict}")
def test_planted_violation_is_found(build: Build, planted: Planted) -> None:
    documents = build(planted.overlay)
    plant(documents, planted)
    found = list(planted.rule(documents))
    assert any(planted.verdict in sentence for sentence in found), found


def test_every_rule_is_known_to_bite() -> None:
    assert {planted.rule for planted in PLANTED} == set(RULES)


def plant(documents: list[Document], planted: Planted) -> None:
    if not planted.path:
        documents.append(copy.deepcopy(planted.value))  # type: ignore[arg-type]
        return
    wanted = (planted.kind, planted.name)
    inner: Any = next(d for d in documents if (d["kind"], d["metadata"]["name"]) == wanted)
    for step in planted.path[:-1]:
        inner = inner[step]
    if planted.value is None:
        del inner[planted.path[-1]]
    else:
        inner[planted.path[-1]] = copy.deepcopy(planted.value)
