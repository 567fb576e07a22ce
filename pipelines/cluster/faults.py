"""What can go wrong between here and Kubeflow Pipelines, each as one sentence that says what to do."""

from __future__ import annotations

import json

from nasflow.passwords import without_logins

TIMED_OUT, CLOSED, UNREACHABLE, UNKNOWN_HOST, INSECURE, GARBLED = -1, -2, -3, -4, -5, -6
"""Statuses of faults that are no answers; those of answers are HTTP's."""

_PASSING = {408, 425, 429, 500, 502, 503, 504, TIMED_OUT, CLOSED, UNREACHABLE}
_LONGEST = 200

_LOGIN = (
    "{where} answers with a page to log in, or one that is not of Kubeflow Pipelines: give a valid token "
    "(--token-file, KF_PIPELINES_TOKEN) or session cookie (KF_PIPELINES_COOKIE), and check --host."
)
_SENTENCES = {
    403: "{where} does not allow you to {doing}{place}{detail}: ask for the right to edit pipelines and runs there, or "
    "name your own namespace with --namespace.",
    404: "{where} has nothing there to {doing}{detail}: it is gone, or the address is not that of Kubeflow Pipelines; "
    "compare --host with the address that you open in a browser.",
    409: "cannot {doing}: {where} says that something of this name is there already{detail}; run the same command "
    "again, or choose another name.",
    429: "{where} took no more requests for {seconds} seconds (429), so this could not {doing}: run the same command "
    "again in some minutes.",
    TIMED_OUT: "{where} did not answer within {seconds} seconds, asked to {doing}: see whether its pod ml-pipeline is "
    "well, and run the same command again.",
    CLOSED: "the connection to {where} was cut again and again for {seconds} seconds before it had answered, asked to "
    "{doing}: look at what is between (a proxy, a port-forward), and run the same command again.",
    UNREACHABLE: "nothing answers at {where}, tried for {seconds} seconds: check --host or KF_PIPELINES_ENDPOINT, and "
    "that it can be reached from here (for a port-forward: that it still runs).",
    UNKNOWN_HOST: "the host of {where} is not known here: check --host or KF_PIPELINES_ENDPOINT for a slip, and that "
    "you are in its network.",
    INSECURE: "the certificate of {where} is not trusted here: name its authority's file with --ca-file, or use the "
    "host's name that the certificate is for.",
    GARBLED: _LOGIN,
    **dict.fromkeys((301, 302, 303, 307, 308), _LOGIN),
}
_FAILED = (
    "{where} failed for {seconds} seconds when asked to {doing}{detail}: see the log of its pod ml-pipeline, and run "
    "the same command again."
)
_REFUSED = "{where} refuses to {doing}{detail}: this nasflow speaks to Kubeflow Pipelines 2.17; compare its version."
_EXPIRED = (
    "{where} does not accept the credentials (401), which may have expired: renew the token (--token-file, "
    "KF_PIPELINES_TOKEN, KF_PIPELINES_SA_TOKEN_PATH) or the session cookie (KF_PIPELINES_COOKIE)."
)
_STRANGER = (
    "{where} asks who you are (401), and no credentials were given: give a token (--token-file, KF_PIPELINES_TOKEN), a "
    "session cookie (KF_PIPELINES_COOKIE), or in a pod KF_PIPELINES_SA_TOKEN_PATH."
)


def status_of(error: BaseException) -> int | None:
    """Return the status of a fault: HTTP's, or one of those above; None for what is no fault of the connection."""
    from kfp_server_api import ApiException
    from urllib3 import exceptions

    if isinstance(error, ApiException):
        return int(error.status or INSECURE)
    if isinstance(error, exceptions.MaxRetryError) and error.reason is not None:
        return status_of(error.reason)
    if isinstance(error, exceptions.SSLError):
        return INSECURE
    if isinstance(error, exceptions.NameResolutionError | exceptions.LocationValueError):
        return UNKNOWN_HOST
    if isinstance(error, exceptions.ReadTimeoutError):
        return TIMED_OUT
    if isinstance(error, exceptions.NewConnectionError | exceptions.ConnectTimeoutError | exceptions.ProxyError):
        return UNREACHABLE
    if isinstance(error, exceptions.HTTPError):
        return CLOSED
    return None


def passing(error: BaseException) -> bool:
    """Whether a fault may pass by itself, so that the same request is worth another try."""
    return status_of(error) in _PASSING


def wait_asked(error: BaseException | None) -> float:
    """Return the seconds that an answer asks to wait for before the next try; 0 where it asks for none."""
    headers = getattr(error, "headers", None) or {}
    asked = str(headers.get("Retry-After", "0")).strip()
    return float(asked) if asked.isdigit() else 0.0


def told(error: BaseException) -> str:
    """Return what an answer says went wrong, in a line without passwords; empty where it says nothing."""
    body = getattr(error, "body", None)
    try:
        document = json.loads(body or "null")
    except (TypeError, ValueError):
        return ""  # a page of a proxy: what it says is in its status
    if not isinstance(document, dict):
        return ""
    text = str(document.get("message") or document.get("error_message") or document.get("error") or "")
    line = " ".join(without_logins(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def sentence(error: BaseException, where: str, doing: str, *, namespace: str, known: bool, seconds: float) -> str:
    """Return what happened and what to do, in one sentence.

    Args:
        error: The fault.
        where: Address of Kubeflow Pipelines, without a password.
        doing: What was asked for, as in `start the run`.
        namespace: Where, or empty.
        known: Whether credentials were sent along.
        seconds: How long it was tried.
    """
    status, said = status_of(error), told(error)
    other = _FAILED if status is not None and status >= 500 else _REFUSED
    unknown = _EXPIRED if known else _STRANGER
    template = unknown if status == 401 else _SENTENCES.get(status or 0, other)
    return template.format(
        where=where,
        doing=doing,
        place=f" in namespace '{namespace}'" if namespace else "",
        detail=f" ({status}: {said})" if said else f" ({status})",
        seconds=f"{seconds:.0f}",
    )
