"""What the overlays refer to exists, addresses are filled in, and what is told in two places agrees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.config.steps import CACHING, STEPS, STORING, TRACKING, TRAINING

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
OPERATIONS = ROOT / "docs" / "operations.md"
SECRETS = {
    document["metadata"]["name"]: set(document["stringData"])
    for document in yaml.safe_load_all((MANIFESTS / "secrets.yaml.example").read_text())
}

Document = dict[str, Any]
Build = Callable[[str], list[Document]]


def below(value: object) -> Iterator[Document]:
    """Every mapping in a document, the outer ones first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from below(inner)


def namespace(document: Document) -> str:
    return str(document["metadata"].get("namespace", ""))


def names(documents: list[Document], kind: str) -> set[tuple[str, str]]:
    return {(namespace(d), d["metadata"]["name"]) for d in documents if d["kind"] == kind}


def test_everything_has_its_namespace_and_its_label(build: Build, overlay: str) -> None:
    for document in build(overlay):
        assert document["metadata"]["labels"]["app.kubernetes.io/part-of"] == "nasflow"
        assert bool(namespace(document)) is (document["kind"] != "Namespace"), document["metadata"]["name"]


def test_nothing_is_there_twice(build: Build, overlay: str) -> None:
    found = [(d["apiVersion"], d["kind"], namespace(d), d["metadata"]["name"]) for d in build(overlay)]
    assert len(found) == len(set(found))


def test_what_is_referred_to_exists(build: Build, overlay: str) -> None:
    documents = build(overlay)
    accounts, maps, roles = (names(documents, kind) for kind in ("ServiceAccount", "ConfigMap", "Role"))
    for document in documents:
        place = namespace(document)
        if document["kind"] == "RoleBinding":
            assert (place, document["roleRef"]["name"]) in roles
            assert all((place, subject["name"]) in accounts for subject in document["subjects"])
        for part in below(document):
            if "serviceAccountName" in part:
                assert (place, part["serviceAccountName"]) in accounts
            for key in ("configMap", "configMapKeyRef", "configMapRef"):
                if key in part:
                    assert (place, part[key]["name"]) in maps


def test_secrets_are_only_referred_to_and_each_is_in_the_example(build: Build, overlay: str) -> None:
    for document in build(overlay):
        assert document["kind"] != "Secret"
        for part in below(document):
            if "secretKeyRef" in part:
                assert part["secretKeyRef"]["key"] in SECRETS[part["secretKeyRef"]["name"]]
            if "secretName" in part:
                assert part["secretName"] in SECRETS


def test_every_secret_and_its_keys_are_explained() -> None:
    text = OPERATIONS.read_text()
    for name, keys in SECRETS.items():
        assert f"`{name}`" in text
        assert all(key in text for key in keys), name


def test_folder_of_ones_own_builds_as_documented(tmp_path: Path) -> None:
    """The example in docs/operations.md, with digests and patches, on this repository."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    (tmp_path / "nasflow").symlink_to(ROOT)
    (tmp_path / "site").mkdir()
    example = re.search(r"```yaml\n( +# site/kustomization.yaml\n.*?)```", OPERATIONS.read_text(), re.DOTALL)
    assert example
    (tmp_path / "site" / "kustomization.yaml").write_text(textwrap.dedent(example[1]))
    result = subprocess.run(["kubectl", "kustomize", str(tmp_path / "site")], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "image: registry.mycompany.com/mlflow/mlflow@sha256:" in result.stdout
    for changed in ("cidr: 10.0.0.10/32", "storage: 1Ti", "requests.storage: 2Ti"):
        assert changed in result.stdout
    assert "172.16.0.0/12" not in result.stdout


def test_each_permission_is_explained(build: Build) -> None:
    told = OPERATIONS.read_text().split("## What each permission is for")[1].split("## Images")[0].lower()
    for document in build("standalone"):
        if document["kind"] == "ServiceAccount":
            assert f"`{document['metadata']['name']}`" in told
        for rule in document.get("rules", ()):
            for name in (*(r.rpartition("/")[2] for r in rule["resources"]), *rule["verbs"]):
                assert name.removesuffix("s") in told, name
            for name in rule.get("resourceNames", ()):
                assert f"`{name}`" in told


def test_the_table_of_steps_says_what_pods_get() -> None:
    """The compiled pipeline is held to the same sets, in the tests of its pods."""
    table = OPERATIONS.read_text().split("Which step gets which:")[1].split("\n\n")[1]
    told: dict[str, list[bool]] = {}
    for line in table.splitlines()[2:]:
        steps, *cells = line.strip("|").split("|")
        told |= {step: ["yes" in cell for cell in cells] for step in re.findall(r"`([a-z_]+)`", steps)}
    assert told == {step: [step in users for users in (STORING, TRACKING, TRAINING, CACHING)] for step in STEPS}


def test_each_image_is_listed(build: Build, overlay: str) -> None:
    rows = OPERATIONS.read_text().split("## Images")[1].split("## Upgrade")[0]
    for document in build(overlay):
        for part in below(document):
            if isinstance(part.get("image"), str):
                name, _, tag = part["image"].rpartition(":")
                assert f"| `{name}` | `{tag}` |" in rows


def test_selectors_select_what_is_meant(build: Build) -> None:
    """A Service, and a policy for one server, has that server's pods; what reaches a port reaches one that is open."""
    documents = build("standalone")
    servers = {}
    for document in documents:
        template = document.get("spec", {}).get("template")
        if template:
            ports = [p for c in template["spec"]["containers"] for p in c.get("ports", ())]
            servers[template["metadata"]["labels"]["app.kubernetes.io/name"]] = ports
    for document in documents:
        if document["kind"] == "Service":
            ports = servers[document["spec"]["selector"]["app.kubernetes.io/name"]]
            for port in document["spec"]["ports"]:
                assert {"name": port["targetPort"], "containerPort": port["port"]} in ports
        if document["kind"] == "NetworkPolicy" and namespace(document) == "nasflow":
            selected = document["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
            for rule in document["spec"].get("ingress", ()):
                assert {p["port"] for p in rule["ports"]} <= {p["containerPort"] for p in servers[selected]}


def test_addresses_are_filled_in(build: Build, overlay: str) -> None:
    documents = build(overlay)
    assert "set-by-an-overlay" not in json.dumps(documents)
    for document in documents:
        if (document["kind"], document["metadata"]["name"]) == ("ConfigMap", "nasflow"):
            assert set(document["data"]) == {"NASFLOW_STORE", "AWS_ENDPOINT_URL_S3", "MLFLOW_TRACKING_URI"}


def test_standalone_addresses_are_those_of_its_services(build: Build) -> None:
    documents = build("standalone")
    data = next(d for d in documents if (d["kind"], d["metadata"]["name"]) == ("ConfigMap", "nasflow"))["data"]
    services = {
        f"http://{d['metadata']['name']}.{namespace(d)}.svc.cluster.local:{d['spec']['ports'][0]['port']}"
        for d in documents
        if d["kind"] == "Service"
    }
    assert {data["AWS_ENDPOINT_URL_S3"], data["MLFLOW_TRACKING_URI"]} <= services
    mlflow = next(d for d in documents if (d["kind"], d["metadata"]["name"]) == ("Deployment", "mlflow"))
    hosts = re.search(r"--allowed-hosts=(\S+)", " ".join(mlflow["spec"]["template"]["spec"]["containers"][0]["args"]))
    assert hosts
    assert data["MLFLOW_TRACKING_URI"].removeprefix("http://") in hosts[1].split(",")


def test_quota_has_room_for_the_servers(build: Build) -> None:
    """As many pods as run at a time, and each once more while it is replaced."""
    documents = build("standalone")
    quota = next(d for d in documents if d["kind"] == "ResourceQuota" and namespace(d) == "nasflow")["spec"]["hard"]
    totals = {"requests": [0.0, 0.0], "limits": [0.0, 0.0]}
    for document in documents:
        for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            for kind, total in totals.items():
                total[0] += cores(container["resources"][kind]["cpu"])
                total[1] += gibibytes(container["resources"][kind]["memory"])
    for kind, (cpu, memory) in totals.items():
        assert cpu <= cores(quota[f"{kind}.cpu"])
        assert memory <= gibibytes(quota[f"{kind}.memory"])


def cores(text: str | int) -> float:
    return float(str(text).removesuffix("m")) / (1000 if str(text).endswith("m") else 1)


def gibibytes(text: str) -> float:
    return float(text[:-2]) / {"Gi": 1, "Mi": 1024}[text[-2:]]


def test_checks_fit_the_pools_and_the_quota(build: Build) -> None:
    """A pool's entry, its check and the quota tell the same label, taints and resource name."""
    documents = build("gpu")
    pools = next(d for d in documents if d["metadata"]["name"] == "nasflow-node-pools")["data"]
    quota = next(d for d in documents if d["metadata"]["name"] == "nasflow-gpu")["spec"]["hard"]
    jobs = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "Job"}
    assert set(jobs) == {f"nasflow-check-{pool}" for pool in pools}
    for pool, text in pools.items():
        entry, job = yaml.safe_load(text), jobs[f"nasflow-check-{pool}"]
        pod = job["template"]["spec"]
        assert job["suspend"] is True
        assert job["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
        assert pod["nodeSelector"] == entry["node_selector"] == {"nasflow/pool": pool}
        assert pod["tolerations"] == entry["tolerations"]
        offered = entry["accelerator"]
        assert pod["containers"][0]["resources"]["limits"][offered["type"]] == str(offered["count"])
        assert int(quota[f"requests.{offered['type']}"]) >= offered["count"]


@pytest.mark.parametrize("path", sorted(MANIFESTS.rglob("*.sh")), ids=lambda path: path.name)
def test_script_parses(path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    assert subprocess.run(["bash", "-n", str(path)], capture_output=True).returncode == 0


def test_every_file_is_used() -> None:
    """A manifest that no kustomization names is never deployed, whatever it looks like."""
    listed: set[Path] = set()
    for path in MANIFESTS.rglob("kustomization.yaml"):
        kustomization = yaml.safe_load(path.read_text())
        generated = [file for maps in kustomization.get("configMapGenerator", ()) for file in maps["files"]]
        patches = [patch["path"] for patch in kustomization.get("patches", ())]
        for name in [*kustomization.get("resources", ()), *kustomization.get("components", ()), *generated, *patches]:
            listed.add((path.parent / name).resolve())
    files = {path for path in MANIFESTS.rglob("*") if path.is_file() and path.name != "kustomization.yaml"}
    assert files - listed == {MANIFESTS / "secrets.yaml.example"}
