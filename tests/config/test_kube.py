"""Kubernetes' rules of writing, each with what is right at its edges and what is just beyond them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nasflow.config import kube

LONG = "a" * 63


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (kube.wrong_object, ["a", "nasflow-s3", "a.b-c.d", LONG, f"{LONG}.{LONG}.{LONG}.{'a' * 61}", "0"]),
        (kube.wrong_volume, ["a", "nasflow-cache", LONG, "1"]),
        (kube.wrong_label_key, ["team", "a.b/c", "cloud.google.com/gke-spot", f"{LONG}.{LONG}/{LONG}", "A_b.c", "0"]),
        (kube.wrong_label_value, ["", "vision", "A-b_c.d", LONG, "true", "1"]),
        (kube.wrong_variable, ["A", "_a", "HF_TOKEN", "a1"]),
        (kube.wrong_data_key, ["accesskey", "tls.crt", "_A-1", "a" * 253]),
        (kube.wrong_mount, ["/a", "/secrets/s3", "/a.b/..c"]),
        (kube.wrong_device, ["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.5gb", "habana.ai/gaudi"]),
    ],
)
def test_what_kubernetes_takes_is_taken(rule: Callable[[str], str], good: list[str]) -> None:
    assert [rule(name) for name in good] == [""] * len(good)


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (kube.wrong_object, ["", "A", "a_b", "-a", "a-", ".a", "a..b", "a b", "a" * 64, "a/b", "a\n"]),
        (kube.wrong_volume, ["", "a.b", "A", "a" * 64, "-a", "a-", "a\n"]),
        (kube.wrong_label_key, ["", "/a", "a/", "a/b/c", "a b", "-a", "a-", "A.b/c", "a" * 64, f"{'a' * 254}/b", "é"]),
        (kube.wrong_label_value, ["a b", "-a", "a-", "a" * 64, "a/b", "a\n"]),
        (kube.wrong_variable, ["", "1a", "a-b", "a.b", "a b", "ä", "a\n"]),
        (kube.wrong_data_key, ["", "a/b", "a b", "a" * 254, "a+b", "a\n"]),
        (kube.wrong_mount, ["", "/", "a", "a/b", "/a/", "/a//b", "/a/../b", "/a/./b", "/a:b"]),
        (kube.wrong_device, ["", "gpu", "nvidia.com/", "/gpu", "kubernetes.io/gpu", "a.kubernetes.io/gpu", "a b/c"]),
    ],
)
def test_what_kubernetes_refuses_is_refused(rule: Callable[[str], str], bad: list[str]) -> None:
    for name in bad:
        assert rule(name).startswith("must be "), name


@pytest.mark.parametrize(
    ("rule", "bad", "near"),
    [
        (kube.wrong_object, "My_Secret", "my-secret"),
        (kube.wrong_volume, "My.Cache", "my-cache"),
        (kube.wrong_label_key, "my team", "my-team"),
        (kube.wrong_label_value, "computer vision!", "computer-vision"),
        (kube.wrong_variable, "my-name", "my_name"),
        (kube.wrong_mount, "secrets/s3/", "/secrets/s3"),
    ],
)
def test_the_nearest_valid_choice_is_named(rule: Callable[[str], str], bad: str, near: str) -> None:
    assert rule(bad).endswith(f"not '{bad}'; try '{near}'")
    assert rule(near) == ""


def test_nothing_is_suggested_that_would_be_refused() -> None:
    for rule in (kube.wrong_object, kube.wrong_volume, kube.wrong_label_key, kube.wrong_variable, kube.wrong_mount):
        assert "try" not in rule("é") or "try '/é'" in rule("é")
    assert "try" not in kube.wrong_variable("1")


def test_long_names_are_cut_in_messages_and_values_of_keys_never_shown() -> None:
    assert len(kube.wrong_label_value("x" * 5000)) < 300
    assert "hunter2" not in kube.wrong_data_key("hunter2/+")


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("AWS_SECRET_ACCESS_KEY", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("AWS_SESSION_TOKEN", True),
        ("MLFLOW_TRACKING_PASSWORD", True),
        ("HF_TOKEN", True),
        ("openai_api_key", True),
        ("TOKEN", True),
        ("DB_PASSWORD", True),
        ("NASFLOW_S3_CREDENTIALS", False),  # names a folder
        ("AWS_SHARED_CREDENTIALS_FILE", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("MLFLOW_TRACKING_USERNAME", False),
        ("OMP_NUM_THREADS", False),
        ("MONKEY", False),
    ],
)
def test_secrets_are_known_by_the_name_of_their_variable(variable: str, secret: bool) -> None:
    assert kube.secret_like(variable) is secret
