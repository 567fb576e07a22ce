"""Who a bucket is opened as: credentials of the environment, of a mounted Secret, of a profile or of the pod."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minio.credentials.credentials import Credentials
from minio.credentials.providers import AWSConfigProvider, EnvAWSProvider, EnvMinioProvider, IamAwsProvider, Provider
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from nasflow.errors import StorageError
from nasflow.storage.patience import within
from nasflow.storage.s3.address import Address
from nasflow.storage.s3.pacing import PacedPool

MOUNTED = "NASFLOW_S3_CREDENTIALS"
"""Environment variable that names the folder of a mounted Secret."""

_NAMES = {
    "access_key": ("accesskey", "access_key", "AWS_ACCESS_KEY_ID"),
    "secret_key": ("secretkey", "secret_key", "AWS_SECRET_ACCESS_KEY"),
    "session_token": ("sessiontoken", "session_token", "AWS_SESSION_TOKEN"),
}
"""Files in such a folder; the first names are those of Kubeflow's `mlpipeline-minio-artifact`."""

_POD = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")

_SERVICE_SECONDS = 10.0
"""For one request to a service that gives credentials out."""

HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name the folder of a mounted Secret (files accesskey and "
    f"secretkey) in {MOUNTED}, or give the pod an identity"
)


class FalteringError(Exception):
    """A server did not answer, or asked to be tried again later; the text says what it did."""


def told(error: HTTPError) -> str:
    """Say what a connection's failure was, without the address and the headers that its own text may hold."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if "NameResolutionError" in names:
        return "its name is not known"
    if "NewConnectionError" in names:
        return "nothing answers there"
    late = "TimeoutError" in names or any(isinstance(cause, TimeoutError) for cause in error.args)
    return "it did not answer in time" if late else "the connection broke"


class MountedSecret(Provider):
    """Credentials in the files of a folder; they are read for each request, so that a rotated Secret is followed.

    Args:
        folder: Where the Secret is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def retrieve(self) -> Credentials:
        """Read the files.

        Raises:
            StorageError: One that is needed is not there, or is empty.
        """
        found = {field: self._read(names) for field, names in _NAMES.items()}
        if not found["access_key"] or not found["secret_key"]:
            raise StorageError(f"the folder '{self._folder}' ({MOUNTED}) has no files accesskey and secretkey.")
        return Credentials(found["access_key"], found["secret_key"], found["session_token"] or None)

    def _read(self, names: tuple[str, ...]) -> str:
        for name in names:
            try:
                return (self._folder / name).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                continue
        return ""


class _Shown(Credentials):
    """Credentials that are not shown where an object is printed, as in a traceback with its variables."""

    def __repr__(self) -> str:
        return "Credentials(...)"


@dataclass(frozen=True)
class Identity:
    """Who requests are signed as.

    Attributes:
        what: Where the credentials come from, for messages.
        provider: Gives them.
        is_remote: Whether a server is asked for them.
    """

    what: str
    provider: Provider
    is_remote: bool = False
    _one_asks: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def credentials(self, seconds: float = _SERVICE_SECONDS) -> Credentials:
        """Return credentials to sign one request with.

        Args:
            seconds: How long a server that gives them out may take.

        Raises:
            FalteringError: It does not answer now.
            StorageError: There are none, or they cannot be used.
        """
        try:
            found = within(seconds, self._asked) if self.is_remote else self.provider.retrieve()
        except (StorageError, FalteringError):
            raise
        except TimeoutError:
            raise FalteringError(f"{self.what} was not given in time") from None
        except HTTPError as error:
            raise FalteringError(f"{self.what} was not given: of its service, {told(error)}") from None
        except Exception:  # of many kinds, and none tells a user more than this
            raise StorageError(f"{self.what} cannot be used for an S3 server; {HINT}.") from None
        return _Shown(
            self._clean("access key", found.access_key),
            self._clean("secret key", found.secret_key, is_sent=False),
            self._clean("session token", found.session_token) if found.session_token else None,
        )

    def _asked(self) -> Credentials:
        with self._one_asks:  # the others then have what it was given
            return self.provider.retrieve()

    def _clean(self, what: str, value: str, *, is_sent: bool = True) -> str:
        """Return a value without the line break that files and Secrets often end in; it is never shown."""
        value = value.strip()
        if not value or not value.isprintable() or (is_sent and (not value.isascii() or " " in value)):
            raise StorageError(
                f"the {what} of {self.what} is empty or has a character in it that none has, such as a line break; "
                "set it again without that."
            )
        return value


class _Services(PacedPool):
    """Connections to services that give credentials out; a token goes into the body, for logs have addresses."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **more: Any) -> BaseHTTPResponse:  # type: ignore[override]
        """Send a request.

        Raises:
            FalteringError: The service asks to be tried again later.
            StorageError: It refuses.
        """
        if method == "POST" and "?" in url:
            url, _, more["body"] = url.partition("?")
            more["headers"] = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = super().urlopen(method, url, redirect=False, timeout=_SERVICE_SECONDS, **more)
        if answer.status in (404, 408, 429) or answer.status >= 500:
            raise FalteringError(f"credentials were not given: their service answers {answer.status}")
        if answer.status >= 300:
            raise StorageError(
                f"the service that gives out credentials for an S3 server refuses them ({answer.status}); check the "
                "role of the pod's service account, and that it trusts it."
            )
        return answer


def identity_for(address: Address, environment: Mapping[str, str] = os.environ) -> Identity:
    """Return where the credentials for a server come from; the first of these that is there.

    A mounted Secret (`NASFLOW_S3_CREDENTIALS`), `AWS_ACCESS_KEY_ID`, `MINIO_ACCESS_KEY`, the identity of the pod (from
    `AWS_ENDPOINT_URL_STS`, where that is set), a profile of `~/.aws/credentials`, or, on AWS, that of the machine.

    Args:
        address: The bucket.
        environment: The environment variables.

    Raises:
        StorageError: There are none.
    """
    profile = environment.get("AWS_SHARED_CREDENTIALS_FILE", "")
    with suppress(RuntimeError):  # of a user who has no home, as any number in a container
        profile = profile or str(Path.home() / ".aws" / "credentials")
    in_pod = any(environment.get(name) for name in _POD)
    tokens = environment.get("AWS_ENDPOINT_URL_STS") if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") else None

    def remote() -> Provider:
        return IamAwsProvider(custom_endpoint=tokens, http_client=_Services(address.authorities))

    kinds: list[tuple[bool, str, Callable[[], Provider]]] = [
        (bool(environment.get(MOUNTED)), f"the Secret of {MOUNTED}", lambda: MountedSecret(Path(environment[MOUNTED]))),
        (bool(environment.get("AWS_ACCESS_KEY_ID")), "AWS_ACCESS_KEY_ID", EnvAWSProvider),
        (bool(environment.get("MINIO_ACCESS_KEY")), "MINIO_ACCESS_KEY", EnvMinioProvider),
        (in_pod, "the pod's identity", remote),
        (Path(profile).is_file(), f"the profile in '{profile}'", lambda: AWSConfigProvider(profile)),
        (address.is_amazon, "the machine's identity (no other credentials are set)", remote),
    ]
    for there, what, make in kinds:
        if there:
            return Identity(what, make(), is_remote=make is remote)
    raise StorageError(f"there are no credentials for the S3 server {address.server}; {HINT}.")
