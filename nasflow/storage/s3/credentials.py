"""Who a bucket is opened as: credentials of the environment, of a mounted Secret, of a profile or of the pod."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from minio.credentials.credentials import Credentials
from minio.credentials.providers import AWSConfigProvider, EnvAWSProvider, EnvMinioProvider, IamAwsProvider, Provider

from nasflow.errors import StorageError
from nasflow.storage.s3.address import Address

if TYPE_CHECKING:
    from urllib3 import PoolManager

MOUNTED = "NASFLOW_S3_CREDENTIALS"
"""Environment variable that names the folder of a mounted Secret."""

_NAMES = {
    "access_key": ("accesskey", "access_key", "AWS_ACCESS_KEY_ID"),
    "secret_key": ("secretkey", "secret_key", "AWS_SECRET_ACCESS_KEY"),
    "session_token": ("sessiontoken", "session_token", "AWS_SESSION_TOKEN"),
}
"""Files in such a folder; the first names are those of Kubeflow's `mlpipeline-minio-artifact`."""

_POD = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")

HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name the folder of a mounted Secret (files accesskey and "
    f"secretkey) in {MOUNTED}, or give the pod an identity"
)


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


class _Explained(Provider):
    """A provider whose failures are sentences."""

    def __init__(self, provider: Provider, what: str) -> None:
        self._provider, self._what = provider, what

    def retrieve(self) -> Credentials:
        try:
            return self._provider.retrieve()
        except StorageError:
            raise
        except Exception:  # of many kinds, and none tells a user more than this
            raise StorageError(f"{self._what} cannot be used for an S3 server; {HINT}.") from None


def provider_for(address: Address, http: PoolManager, environment: Mapping[str, str] = os.environ) -> Provider:
    """Return where the credentials for a server come from; the first of these that is there.

    A mounted Secret (`NASFLOW_S3_CREDENTIALS`), `AWS_ACCESS_KEY_ID`, `MINIO_ACCESS_KEY`, a profile of
    `~/.aws/credentials`, the identity of the pod or, on AWS, of the machine.

    Args:
        address: The bucket.
        http: Connections for services that give credentials out.
        environment: The environment variables.

    Raises:
        StorageError: There are none.
    """
    profile = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials")
    in_pod = any(environment.get(name) for name in _POD)
    kinds: list[tuple[bool, str, Callable[[], Provider]]] = [
        (bool(environment.get(MOUNTED)), f"the Secret of {MOUNTED}", lambda: MountedSecret(Path(environment[MOUNTED]))),
        (bool(environment.get("AWS_ACCESS_KEY_ID")), "AWS_ACCESS_KEY_ID", EnvAWSProvider),
        (bool(environment.get("MINIO_ACCESS_KEY")), "MINIO_ACCESS_KEY", EnvMinioProvider),
        (in_pod, "the pod's identity", lambda: IamAwsProvider(http_client=http)),
        (profile.is_file(), f"the profile in '{profile}'", AWSConfigProvider),
        (address.is_amazon, "the machine's identity", lambda: IamAwsProvider(http_client=http)),
    ]
    for there, what, make in kinds:
        if there:
            return _Explained(make(), what)
    raise StorageError(f"there are no credentials for the S3 server {address.server}; {HINT}.")
