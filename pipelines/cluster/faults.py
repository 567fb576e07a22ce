"""What can go wrong between here and Kubeflow Pipelines, each as one sentence that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable

from nasflow.passwords import without_logins

TIMED_OUT, CLOSED, UNREACHABLE, UNKNOWN_HOST, INSECURE, GARBLED = -1, -2, -3, -4, -5, -6
"""Statuses of faults that are no answers; those of answers are HTTP's."""

_PASSING = {408, 425, 429, 500, 502, 503, 504, TIMED_OUT, CLOSED, UNREACHABLE}
_LONGEST = 200


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
    status = status_of(error)
    said = told(error)
    detail = f" ({status}: {said})" if said else f" ({status})"
    place = f" in namespace '{namespace}'" if namespace else ""
    writers: dict[int, Callable[[], str]] = {
        301: lambda: _login(where),
        302: lambda: _login(where),
        303: lambda: _login(where),
        307: lambda: _login(where),
        308: lambda: _login(where),
        401: lambda: _unknown(where, known),
        403: lambda: (
            f"{where} does not allow you to {doing}{place}{detail}: ask for the right to edit pipelines and runs there, "
            f"or name your own namespace with --namespace."
        ),
        404: lambda: (
            f"{where} has nothing there to {doing}{detail}: it is gone, or the address is not that of Kubeflow "
            f"Pipelines; compare --host with the address that you open in a browser."
        ),
        409: lambda: (
            f"cannot {doing}: {where} says that something of this name is there already{detail}; run the same command "
            f"again, or choose another name."
        ),
        429: lambda: (
            f"{where} took no more requests for {seconds:.0f} seconds (429), so this could not {doing}: run the same "
            f"command again in some minutes."
        ),
        TIMED_OUT: lambda: (
            f"{where} did not answer within {seconds:.0f} seconds, asked to {doing}: see whether its pod ml-pipeline is "
            f"well, and run the same command again."
        ),
        CLOSED: lambda: (
            f"the connection to {where} was cut again and again for {seconds:.0f} seconds before it had answered, asked "
            f"to {doing}: look at what is between (a proxy, a port-forward), and run the same command again."
        ),
        UNREACHABLE: lambda: (
            f"nothing answers at {where}, tried for {seconds:.0f} seconds: check --host or KF_PIPELINES_ENDPOINT, and "
            f"that it can be reached from here (for a port-forward: that it still runs)."
        ),
        UNKNOWN_HOST: lambda: (
            f"the host of {where} is not known here: check --host or KF_PIPELINES_ENDPOINT for a slip, and that you are "
            f"in its network."
        ),
        INSECURE: lambda: (
            f"the certificate of {where} is not trusted here: name its authority's file with --ca-file, or use the "
            f"host's name that the certificate is for."
        ),
        GARBLED: lambda: _login(where),
    }
    if status in writers:
        return writers[status]()
    if status is not None and status >= 500:
        return (
            f"{where} failed for {seconds:.0f} seconds when asked to {doing}{detail}: see the log of its pod "
            f"ml-pipeline, and run the same command again."
        )
    return f"{where} refuses to {doing}{detail}: this nasflow speaks to Kubeflow Pipelines 2.17; compare its version."


def _login(where: str) -> str:
    return (
        f"{where} answers with a page to log in, or one that is not of Kubeflow Pipelines: give a valid token "
        f"(--token-file, KF_PIPELINES_TOKEN) or session cookie (KF_PIPELINES_COOKIE), and check --host."
    )


def _unknown(where: str, known: bool) -> str:
    if known:
        return (
            f"{where} does not accept the credentials (401), which may have expired: renew the token (--token-file, "
            f"KF_PIPELINES_TOKEN, KF_PIPELINES_SA_TOKEN_PATH) or the session cookie (KF_PIPELINES_COOKIE)."
        )
    return (
        f"{where} asks who you are (401), and no credentials were given: give a token (--token-file, "
        f"KF_PIPELINES_TOKEN), a session cookie (KF_PIPELINES_COOKIE), or in a pod KF_PIPELINES_SA_TOKEN_PATH."
    )
