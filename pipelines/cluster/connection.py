"""A connection to Kubeflow Pipelines: authenticated as kfp's client is, patient with faults that pass, plain on others.

Every request is safe to repeat: what is created is first looked for, by its name, before each try.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nasflow.errors import ClusterError, UserError
from nasflow.passwords import without_login
from nasflow.pipelines.cluster.faults import GARBLED, passing, sentence, status_of, wait_asked

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

    from nasflow.pipelines.cluster.client import Client

ENDPOINT, TOKEN, COOKIE = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_TOKEN", "KF_PIPELINES_COOKIE"
SERVICE_ACCOUNT_TOKEN = "KF_PIPELINES_SA_TOKEN_PATH"
NAMESPACE = "KF_PIPELINES_NAMESPACE"
PATIENCE = "KF_PIPELINES_PATIENCE"
"""Environment variable with the seconds for which passing faults are waited out; 60 by default."""

_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PROJECTED_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
_LIMITS = (10.0, 30.0)
_PAGE = 100

T = TypeVar("T")


@dataclass(frozen=True)
class Access:
    """Where Kubeflow Pipelines is and how to get in; what is None comes from the environment, as kfp has it.

    Attributes:
        host: Address of the API.
        namespace: Of the user, where there are many.
        token_file: File with a token; `-` for one line of standard input.
        ca_file: File with the authority of the host's certificate.
        patience: Seconds for which faults that may pass are waited out.
        limits: Seconds for connecting, and for an answer.
        pace: Seconds before the second try, more or less; each further wait is twice as long.
    """

    host: str | None = None
    namespace: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    patience: float | None = None
    limits: tuple[float, float] = _LIMITS
    pace: float = 0.5

    def client(self) -> Client:
        """Return kfp's client; nothing is asked of the host yet.

        Raises:
            UserError: No host is known, or a file cannot be read.
        """
        from nasflow.pipelines.cluster.client import Client

        if not self._located():
            raise UserError(
                f"no Kubeflow Pipelines is known here: name its address with --host or {ENDPOINT}, as in "
                f"'--host https://kubeflow.example.org/pipeline', or '--host http://localhost:8888' for a port-forward "
                f"of svc/ml-pipeline."
            )
        if self.ca_file is not None and not self.ca_file.is_file():
            raise UserError(f"--ca-file: there is no file '{self.ca_file}'.")
        return Client(
            self.limits,
            host=self.host,
            cookies=os.environ.get(COOKIE),
            ssl_ca_cert=str(self.ca_file) if self.ca_file else None,
            **self._credentials(),
        )

    def _located(self) -> bool:
        kube = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
        places = [*kube, Path("~/.kube/config").expanduser(), _POD / "token"]
        return bool(self.host or os.environ.get(ENDPOINT)) or any(place.is_file() for place in places)

    def _credentials(self) -> dict[str, Any]:
        """Return kfp's argument for the first credentials that there are: a token, or that of a service account."""
        from nasflow.pipelines.cluster.client import TokenFile

        if self.token_file is not None and str(self.token_file) == "-":
            return {"existing_token": sys.stdin.readline().strip()}
        if self.token_file is not None:
            return {"credentials": TokenFile(_readable(self.token_file, "--token-file"))}
        if token := os.environ.get(TOKEN):
            return {"existing_token": token.strip()}
        if path := os.environ.get(SERVICE_ACCOUNT_TOKEN):
            return {"credentials": TokenFile(_readable(Path(path), SERVICE_ACCOUNT_TOKEN))}
        if _PROJECTED_TOKEN.is_file():
            return {"credentials": TokenFile(_PROJECTED_TOKEN)}
        return {}


class Connection:
    """Kubeflow Pipelines as the user reaches it.

    Args:
        access: Where it is.

    Raises:
        UserError: No host is known, or a file cannot be read.
    """

    def __init__(self, access: Access) -> None:
        self.client = access.client()
        self.where = without_login(self.client.host)
        self._asked_namespace = access.namespace or os.environ.get(NAMESPACE, "")
        self._patience = access.patience if access.patience is not None else _patience()
        self._pace = access.pace

    @cached_property
    def namespace(self) -> str:
        """The user's namespace; empty where Kubeflow Pipelines has a single user.

        Raises:
            UserError: It has many, and none is named.
            ClusterError: It does not answer.
        """
        if not self.multi_user:
            return ""
        own = _POD / "namespace"
        found = self._asked_namespace or self.client.get_user_namespace() or (own.is_file() and own.read_text().strip())
        if not found:
            raise UserError(
                f"{self.where} has many users: name the namespace of your profile with --namespace or {NAMESPACE}."
            )
        return str(found)

    @cached_property
    def multi_user(self) -> bool:
        """Whether every user has a namespace of their own."""
        answer = self.call("say who its users are", self.client.healthzs.healthz_service_get_healthz)
        return bool(answer.multi_user)

    def call(self, doing: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Ask for something that changes nothing, or the same thing however often it is asked for.

        Args:
            doing: What, as in `list the runs`.
            function: Of kfp's client.
            *args: Its arguments.
            **kwargs: Its arguments.

        Raises:
            ClusterError: It failed for as long as the connection is patient, or for good.
        """
        return self._patiently(doing, lambda: function(*args, **kwargs))

    def ensured(self, doing: str, find: Callable[[], T | None], create: Callable[[], T]) -> T:
        """Return what is there, created where it is not; before each try it is looked for again.

        An answer that is lost after the work was done, and a second command at the same time, create nothing twice.

        Args:
            doing: What, as in `start the run`.
            find: Looks for it by name.
            create: Makes it.

        Raises:
            ClusterError: It failed for as long as the connection is patient, or for good.
        """

        def either() -> T:
            found = find()
            if found is not None:
                return found
            try:
                return create()
            except Exception as error:
                if status_of(error) == 409 and (found := find()) is not None:
                    return found
                raise

        return self._patiently(doing, either)

    def gone(self, doing: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Ask for something to be removed; that it is not there (any more) is as good."""

        def removed() -> None:
            try:
                function(*args, **kwargs)
            except Exception as error:
                if status_of(error) != 404:
                    raise

        self._patiently(doing, removed)

    def pages(self, doing: str, function: Callable[..., Any], field: str, **kwargs: Any) -> Iterator[Any]:
        """Yield the members of a list, page by page.

        Args:
            doing: What, as in `list the runs`.
            function: Of kfp's client.
            field: Name of the list in its answers.
            **kwargs: Its arguments.
        """
        token = ""
        while True:
            answer = self.call(doing, function, page_token=token, page_size=_PAGE, **kwargs)
            yield from getattr(answer, field) or ()
            token = answer.next_page_token or ""
            if not token:
                return

    def _patiently(self, doing: str, work: Callable[[], T]) -> T:
        retrying = self._retrying()
        try:
            return retrying(work)
        except (ClusterError, UserError):
            raise
        except Exception as error:
            if status_of(error) is None and not isinstance(error, TypeError | ValueError):
                raise
            raise self._told(error, doing, retrying) from error

    def _told(self, error: Exception, doing: str, retrying: Retrying) -> ClusterError:
        seconds = retrying.statistics.get("delay_since_first_attempt", 0.0)
        namespace = str(self.__dict__.get("namespace", self._asked_namespace))  # never asked for inside a failure
        fault: BaseException = error
        if status_of(error) is None:  # an answer that is no document of the API
            from kfp_server_api import ApiException

            fault = ApiException(status=GARBLED)
        text = sentence(
            fault, self.where, doing, namespace=namespace, known=self.client.authenticated, seconds=max(1.0, seconds)
        )
        return ClusterError(self._without_secrets(text))

    def _without_secrets(self, text: str) -> str:
        """Remove what a host may have repeated of the credentials."""
        for secret in (*self.client.api.configuration.api_key.values(), self.client.api.cookie):
            if secret and len(secret) >= 4:
                text = text.replace(secret, "***")
        return text

    def _retrying(self) -> Retrying:
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential, wait_random

        growing = wait_exponential(multiplier=self._pace, max=10.0) + wait_random(0.0, self._pace)

        def wait(state: RetryCallState) -> float:
            asked = wait_asked(state.outcome.exception() if state.outcome else None)
            return min(max(growing(state), asked), max(0.1, self._patience))

        stop = stop_after_delay(self._patience)
        return Retrying(retry=retry_if_exception(passing), stop=stop, wait=wait, reraise=True)


def filtered(key: str, value: str) -> str:
    """Return the API's filter for a field that equals a text."""
    predicate = {"operation": "EQUALS", "key": key, "stringValue": value}
    return json.dumps({"predicates": [predicate]})


def _readable(path: Path, what: str) -> Path:
    try:
        path.read_bytes()
    except OSError as error:
        raise UserError(f"{what}: '{path}' cannot be read: {error.strerror or error}.") from error
    return path


def _patience() -> float:
    text = os.environ.get(PATIENCE, "60")
    try:
        return max(0.0, float(text))
    except ValueError as error:
        raise UserError(f"{PATIENCE} is a number of seconds, not '{text}'.") from error
