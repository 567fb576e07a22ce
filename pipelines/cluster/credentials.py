"""Who somebody is to a registry of images, as `docker login` has kept it."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field

from nasflow.errors import ClusterError

AUTH_FILE = "REGISTRY_AUTH_FILE"
"""Environment variable with a file in the form of `~/.docker/config.json`, as Podman keeps it elsewhere."""


@dataclass(frozen=True)
class Login:
    """Credentials for one registry.

    Attributes:
        user: Name of the user; empty where the secret is an identity token.
        secret: Password or token.
    """

    user: str
    secret: str = field(repr=False)


def login_for(host: str) -> Login | None:
    """Return the credentials that are kept for a registry, or None for a stranger's.

    They are looked for as Docker does: in `config.json` of `DOCKER_CONFIG` or `~/.docker`, in the helper that it names
    for this registry (`credHelpers`), and in the store that it names for all (`credsStore`).

    Args:
        host: Name of the registry, with its port if it has one.

    Raises:
        ClusterError: They cannot be read, or the helper fails.
    """
    from docker import auth, errors

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on a helper that is not there: an error follows
            found = auth.load_config(os.environ.get(AUTH_FILE)).resolve_authconfig(host)
    except errors.DockerException as error:
        why = "its credential helper fails or is not installed" if "store" in str(error) else "they are damaged"
        raise ClusterError(_unreadable(host, why)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # what docker lets through of a damaged file
        raise ClusterError(_unreadable(host, "they are damaged")) from error
    named = {key.lower(): value for key, value in (found or {}).items()}
    if token := named.get("identitytoken"):
        return Login("", token)
    if named.get("username"):
        return Login(named["username"], named.get("password") or "")
    return None


def _unreadable(host: str, why: str) -> str:
    return f"the credentials that Docker keeps for '{host}' cannot be read: {why}; run 'docker login {host}' again."
