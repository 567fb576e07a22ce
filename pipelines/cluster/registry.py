"""A registry of images, asked by the API that all of them share (OCI distribution, `/v2`): digests, labels and tags.

No library is used for it: those that were looked at either bring a whole client for pushing along (oras) or speak to a
Docker daemon. Credentials, where the pitfalls are, come from Docker's own library.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.credentials import login_for
from nasflow.pipelines.cluster.reference import HUB, Reference
from nasflow.plugins import nearest

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_APIS = {HUB: "registry-1.docker.io"}
_INDEXES = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST = 4 << 20
_LIMITS = (5.0, 20.0)
_SHOWN_TAGS = 8
_SKIP = "or take an image by its digest and skip the look at it with --no-check-image"


class Registry:
    """One registry, as somebody who may pull from it.

    Args:
        host: Name, with its port if it has one.
        plain: Whether it speaks HTTP without TLS; one on this machine is always taken to.
        ca_file: Authority of its certificate; by default the system's, or Docker's for this registry.

    Raises:
        UserError: The file is not there.
    """

    def __init__(self, host: str, *, plain: bool = False, ca_file: Path | None = None) -> None:
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3 import Retry

        if ca_file is not None and not ca_file.is_file():
            raise UserError(f"--registry-ca: there is no file '{ca_file}'.")
        self.host = host
        local = _is_local(host)
        self._base = f"{'http' if plain or local else 'https'}://{_APIS.get(host, host)}/v2/"
        self._session = requests.Session()
        self._session.trust_env = not local  # no proxy on the way to this machine
        own = Path("/etc/docker/certs.d", host, "ca.crt")
        self._verify = str(ca_file or own) if ca_file is not None or own.is_file() else None
        again = Retry(
            2,
            read=False,  # a registry that is slow is told of as such
            redirect=False,
            backoff_factor=0.3,
            status_forcelist=(500, 502, 503, 504),
            raise_on_status=False,
            respect_retry_after_header=False,  # an hour, somewhere
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=again))
        self._session.headers["User-Agent"] = "nasflow"
        self._authorization = ""
        self._known = False

    def digest(self, image: Reference) -> str:
        """Return the digest that an image's tag stands for now.

        Raises:
            UserError: There is no such image or tag; those that are nearest are named.
            ClusterError: The registry cannot be asked.
        """
        what, accept = f"{image.repository}/manifests/{image.tag}", f"{_INDEXES}, {_MANIFESTS}"
        answer = self._ask("HEAD", what, image, accept)
        if answer.status_code == 200 and _DIGEST.fullmatch(digest := answer.headers.get("Docker-Content-Digest", "")):
            return str(digest)
        return _sha256(self._content(what, image, accept))  # a registry that does not say it in the answer's head

    def labels(self, image: Reference, digest: str) -> Mapping[str, str]:
        """Return the labels of an image; of one for several platforms, those of its first for Linux.

        Args:
            image: Its name.
            digest: Its digest, which what is read must have.

        Raises:
            UserError: There is no such image.
            ClusterError: The registry cannot be asked, or answers with something else.
        """
        manifest = self._document(image, "manifests", digest)
        if isinstance(members := manifest.get("manifests"), list):
            manifest = self._document(image, "manifests", self._for_linux(image, members))
        config = manifest.get("config")
        if not isinstance(config, dict):
            return {}  # of a form from before 2016
        found = self._document(image, "blobs", str(config.get("digest")))
        inner = found.get("config")
        labels = inner.get("Labels") if isinstance(inner, dict) else None
        return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {}

    def tags(self, image: Reference) -> list[str]:
        """Return the tags of an image, or none where there is no such image."""
        try:
            document = json.loads(self._content(f"{image.repository}/tags/list?n=1000", image, "application/json"))
            return sorted(str(tag) for tag in document.get("tags") or ())
        except (ClusterError, UserError, ValueError, AttributeError):
            return []

    def _for_linux(self, image: Reference, members: list[Any]) -> str:
        platforms = [
            (each.get("platform") or {}, str(each.get("digest"))) for each in members if isinstance(each, dict)
        ]
        ordered = sorted(
            platforms, key=lambda each: (each[0].get("os") != "linux", each[0].get("architecture") != "amd64")
        )
        if not ordered:
            raise self._nonsense(image)
        return ordered[0][1]

    def _document(self, image: Reference, kind: str, digest: str) -> dict[str, Any]:
        """Return a JSON document of an image, which its digest proves to be that."""
        if not _DIGEST.fullmatch(digest):
            raise self._nonsense(image)
        accept = f"{_INDEXES}, {_MANIFESTS}" if kind == "manifests" else "*/*"
        content = self._content(f"{image.repository}/{kind}/{digest}", image, accept)
        try:
            document = json.loads(content)
        except ValueError as error:
            raise self._nonsense(image) from error
        if _sha256(content) != digest or not isinstance(document, dict):
            raise self._nonsense(image)
        return document

    def _content(self, what: str, image: Reference, accept: str) -> bytes:
        answer = self._ask("GET", what, image, accept)
        if answer.status_code != 200:
            raise self._refused(answer.status_code, image, what)
        content: bytes = answer.content
        if len(content) > _LARGEST:
            raise self._nonsense(image)
        return content

    def _ask(self, method: str, what: str, image: Reference, accept: str) -> Response:
        """Ask once; where it asks who we are, say it and ask again."""
        answer = self._send(method, self._base + what, image, headers={"Accept": accept})
        if answer.status_code == 401:
            self._introduce(answer.headers.get("WWW-Authenticate", ""), image)
            answer = self._send(method, self._base + what, image, headers={"Accept": accept})
        if answer.status_code in (401, 403, 404, 429) or answer.status_code >= 500:
            raise self._refused(answer.status_code, image, what)
        return answer

    def _introduce(self, challenge: str, image: Reference) -> None:
        """Get what a registry asks for: a token of the service that it names, or user and password themselves."""
        from requests.auth import _basic_auth_str
        from requests.utils import parse_dict_header

        login = login_for(self.host)
        self._known = login is not None
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic" and login is not None:
            self._authorization = _basic_auth_str(login.user, login.secret)
        if kind.lower() != "bearer":
            return
        asked = parse_dict_header(rest)
        realm, service = asked.get("realm") or "", asked.get("service") or ""
        if login is not None and self._base.startswith("https:") and urlsplit(realm).scheme != "https":
            raise self._nonsense(image)  # it would have the password sent for all to read
        fields = {"service": service, "scope": asked.get("scope") or f"repository:{image.repository}:pull"}
        if login is not None and not login.user:
            form = fields | {"grant_type": "refresh_token", "client_id": "nasflow", "refresh_token": login.secret}
            answer = self._send("POST", realm, image, data=form, signed=False)
        else:
            pair = (login.user, login.secret) if login else None
            answer = self._send("GET", realm, image, params=fields, login=pair, signed=False)
        if answer.status_code != 200:
            raise self._refused(answer.status_code if answer.status_code != 404 else 401, image, "token")
        try:
            document = answer.json()
            self._authorization = f"Bearer {document.get('token') or document['access_token']}"
        except (ValueError, KeyError, AttributeError) as error:
            raise self._nonsense(image) from error

    def _send(
        self,
        method: str,
        url: str,
        image: Reference,
        *,
        signed: bool = True,
        login: tuple[str, str] | None = None,
        **more: Any,
    ) -> Response:
        import requests

        def sign(request: PreparedRequest) -> PreparedRequest:  # also keeps requests from reading ~/.netrc
            if signed and self._authorization:
                request.headers["Authorization"] = self._authorization
            return request

        try:
            return self._session.request(
                method, url, auth=login or sign, timeout=_LIMITS, allow_redirects=True, verify=self._verify, **more
            )
        except requests.exceptions.SSLError as error:
            raise ClusterError(
                f"the certificate of the registry '{self.host}' is not trusted here: name its authority's file with "
                f"--registry-ca, or --plain-http where it speaks HTTP alone, {_SKIP}."
            ) from error
        except requests.exceptions.Timeout as error:
            raise ClusterError(
                f"the registry '{self.host}' does not answer: see whether it is well, and run the same command again, "
                f"{_SKIP}."
            ) from error
        except (requests.exceptions.ConnectionError, OSError) as error:
            if isinstance(error, requests.exceptions.RequestException) and not isinstance(
                error, requests.exceptions.ConnectionError
            ):
                raise self._nonsense(image) from error
            raise ClusterError(
                f"nothing answers at the registry '{self.host}': check the image's name for a slip, and that the "
                f"registry can be reached from here, {_SKIP}."
            ) from error

    def _refused(self, status: int, image: Reference, what: str) -> ClusterError | UserError:
        where = f"the registry '{self.host}'"
        if status in (401, 403) and self._known:
            return ClusterError(
                f"{where} does not let you see '{image.repository}' ({status}) with the credentials that Docker keeps: "
                f"run 'docker login {self.host}' again, as somebody who may pull it, {_SKIP}."
            )
        if status in (401, 403):
            return ClusterError(
                f"{where} asks who you are before it shows '{image.repository}' ({status}), if there is such an image: "
                f"check its name, and run 'docker login {self.host}', {_SKIP}."
            )
        if status == 404:
            return UserError(self._missing(image, what))
        if status == 429:
            return ClusterError(f"{where} takes no more requests for now (429): try again in some minutes, {_SKIP}.")
        return ClusterError(f"{where} fails ({status}): see its log, and run the same command again, {_SKIP}.")

    def _missing(self, image: Reference, what: str) -> str:
        if what.endswith("/tags/list?n=1000"):
            return ""  # asked for while a sentence is made
        tags = self.tags(image)
        if not tags:
            return (
                f"the registry '{self.host}' has no image '{image.repository}': check its name, and that it was pushed."
            )
        wanted = image.digest or image.tag
        close = nearest(image.tag, tags) if not image.digest else ""
        more = f" and {len(tags) - _SHOWN_TAGS} more" if len(tags) > _SHOWN_TAGS else ""
        return f"'{image.name}' has no '{wanted}'; its tags are {', '.join(tags[:_SHOWN_TAGS])}{more}.{close}"

    def _nonsense(self, image: Reference) -> ClusterError:
        return ClusterError(
            f"what answers at '{self.host}' gives no image '{image.repository}' as a registry does: check that it is a "
            f"registry of images, and what is between (a proxy, a page to log in), {_SKIP}."
        )


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _is_local(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
