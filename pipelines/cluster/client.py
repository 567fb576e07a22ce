"""kfp's client, made so that it neither waits for ever nor asks before it is asked to."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import urllib3
from kfp.client.token_credentials_base import TokenCredentialsBase
from kfp_server_api.rest import RESTClientObject

from nasflow.pipelines.cluster.faults import GARBLED

SYSTEM_NAMESPACE = "kubeflow"
"""Where Kubeflow Pipelines itself runs; kfp makes its address inside the cluster of it."""


class TokenFile(TokenCredentialsBase):  # type: ignore[misc]  # kfp carries no types
    """A token in a file, read again for every request, so that a renewed one is used at once.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def refresh_api_key_hook(self, config: Any) -> None:
        """Put the present token into the configuration."""
        config.api_key["authorization"] = self._path.read_text(encoding="utf-8").strip()


class _TimedRest(RESTClientObject):  # type: ignore[misc]
    """HTTP as kfp does it, with a time limit for every request, as kfp's own methods take none.

    A page to log in, which kfp would take for an answer that lists nothing, is a fault.
    """

    def __init__(self, configuration: Any, limits: tuple[float, float]) -> None:
        super().__init__(configuration)
        self._limits = limits

    def request(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("_request_timeout") is None:
            kwargs["_request_timeout"] = self._limits
        answer = super().request(*args, **kwargs)
        if "html" in (answer.getheader("content-type") or ""):
            page = kfp_server_api.ApiException(status=GARBLED, reason="a page")
            page.body = b""  # kfp decodes it
            raise page
        return answer


class Client(kfp.Client):  # type: ignore[misc]
    """kfp's client without its own retries and redirects: those are the connection's.

    Args:
        limits: Seconds for connecting, and for an answer.
        **access: As `kfp.Client` takes it.
    """

    def __init__(self, limits: tuple[float, float], **access: Any) -> None:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # on a beta of years ago
            super().__init__(namespace=SYSTEM_NAMESPACE, **access)
        self.api: Any = self._run_api.api_client
        self.api.rest_client = _TimedRest(self._existing_config, limits)

    def _load_config(self, *args: Any, **kwargs: Any) -> Any:
        config = super()._load_config(*args, **kwargs)
        config.retries = urllib3.Retry(0, redirect=0, raise_on_redirect=False)
        return config

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:
        """Answer what kfp asks while it is constructed; whether there are many users is asked by the connection."""
        return kfp_server_api.V2beta1GetHealthzResponse(multi_user=False)

    @property
    def host(self) -> str:
        """Address of the API, with a password if it has one."""
        return str(self._existing_config.host)

    @property
    def authenticated(self) -> bool:
        """Whether requests carry credentials."""
        return bool(self._existing_config.api_key or self.api.cookie)

    @property
    def page(self) -> str:
        """Address of the user interface."""
        return str(self._get_url_prefix())
