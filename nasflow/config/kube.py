"""Kubernetes' own rules of writing: names, labels, environment variables, paths, resources.

Each function returns what is wrong as the rest of a sentence, as in "must be …", or an empty text.
"""

from __future__ import annotations

import re

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DNS_LABEL = re.compile(_LABEL)
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATA_KEY = re.compile(r"[A-Za-z0-9_.-]{1,253}")
_SECRET_LIKE = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_KEY(_ID)?|PRIVATE_KEY|SECRET_KEY)$"
)
_NAMES_OF_FILES = {"NASFLOW_S3_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"}


def _is_object(name: str) -> bool:
    return len(name) <= 253 and bool(_SUBDOMAIN.fullmatch(name))


def _is_label_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return (not slash or _is_object(prefix)) and bool(_WORD.fullmatch(name))


def _is_mount(path: str) -> bool:
    parts = path.split("/")
    return path.startswith("/") and path != "/" and ":" not in path and not {"", ".", ".."} & set(parts[1:])


def wrong_object(name: str) -> str:
    """Tell what is wrong with the name of a Secret, a ConfigMap or a volume claim: it is a DNS subdomain."""
    if _is_object(name):
        return ""
    near = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:253]
    rule = "must be at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends"
    return f"{rule}, not '{_short(name)}'{_try(near, _is_object(near))}"


def wrong_volume(name: str) -> str:
    """Tell what is wrong with the name of something mounted, which Kubeflow Pipelines names the volume after."""
    if _DNS_LABEL.fullmatch(name):
        return ""
    near = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63]
    rule = "must be at most 63 lower-case letters, digits and '-', since the volume is named after it"
    return f"{rule}, not '{_short(name)}'{_try(near, _DNS_LABEL.fullmatch(near))}"


def wrong_label_key(key: str) -> str:
    """Tell what is wrong with the key of a label, an annotation, a node's label or a taint."""
    if _is_label_key(key):
        return ""
    near = re.sub(r"[^A-Za-z0-9_.-]+", "-", key.rpartition("/")[2]).strip("-_.")[:63]
    rule = (
        "must be at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, and may have a "
        "domain and '/' before it"
    )
    return f"{rule}, not '{_short(key)}'{_try(near, _is_label_key(near))}"


def wrong_label_value(value: str) -> str:
    """Tell what is wrong with the value of a label or a taint."""
    if not value or _WORD.fullmatch(value):
        return ""
    near = re.sub(r"[^A-Za-z0-9_.-]+", "-", value).strip("-_.")[:63].rstrip("-_.")
    rule = "must be at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
    return f"{rule}, not '{_short(value)}'{_try(near, _WORD.fullmatch(near))}"


def wrong_variable(name: str) -> str:
    """Tell what is wrong with the name of an environment variable."""
    if _VARIABLE.fullmatch(name):
        return ""
    near = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
    rule = "must be letters, digits and '_', not beginning with a digit"
    return f"{rule}, not '{_short(name)}'{_try(near, _VARIABLE.fullmatch(near))}"


def wrong_data_key(key: str) -> str:
    """Tell what is wrong with a key of a Secret or a ConfigMap; the text never repeats it, for it may be the secret."""
    if _DATA_KEY.fullmatch(key):
        return ""
    return "must be the name of a key (letters, digits, '-', '_' and '.'), never the value itself"


def wrong_mount(path: str) -> str:
    """Tell what is wrong with the path that something is mounted at."""
    if _is_mount(path):
        return ""
    near = "/" + "/".join(part for part in path.split("/") if part not in ("", ".", "..")).replace(":", "-")
    rule = "must be a path from the root, without ':', '.' and '..'"
    return f"{rule}, not '{_short(path)}'{_try(near, _is_mount(near))}"


def wrong_device(name: str) -> str:
    """Tell what is wrong with the resource name of an accelerator."""
    prefix, slash, _ = name.partition("/")
    if slash and _is_label_key(name) and not prefix.endswith("kubernetes.io"):
        return ""
    return (
        f"must be the resource name of a device plugin, as in 'nvidia.com/gpu' or 'amd.com/gpu', not '{_short(name)}'"
    )


def secret_like(variable: str) -> bool:
    """Whether an environment variable holds a secret, by its name."""
    return bool(_SECRET_LIKE.search(variable.upper())) and variable not in _NAMES_OF_FILES


def _try(near: str, right: object) -> str:
    """Return a suggestion where it keeps the rule itself."""
    return f"; try '{near}'" if right else ""


def _short(text: str) -> str:
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
