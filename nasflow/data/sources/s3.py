"""Images in a bucket of MinIO or S3: class folders below a prefix, or an archive or .npz file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nasflow.data.protocol import Sample, Summary
from nasflow.data.sources.bucket_cache import BucketCache
from nasflow.data.sources.bucket_files import BucketFiles, kept_file, only
from nasflow.data.sources.folder import FolderOptions, FolderSource
from nasflow.data.sources.names import is_archive_name
from nasflow.data.sources.npz import NpzOptions, NpzSource
from nasflow.errors import DataError, NasflowError, StorageError
from nasflow.ids import digest
from nasflow.storage.s3.address import parse


class S3Options(NpzOptions):
    """Options of the source: those of an `.npz` file, for one."""


class S3Source:
    """`s3://bucket/prefix`, with the endpoint and the credentials as a store in a bucket has them.

    Below the prefix are class folders, perhaps below train, val and test; a prefix that ends as archives or `.npz`
    files do names that one file. What was fetched is kept in the user's cache under its ETag.
    """

    Options = S3Options

    def __init__(self, argument: str, options: S3Options, base: Path) -> None:
        """Take what stands behind `s3:`.

        Raises:
            DataError: It is no URL of a bucket.
        """
        self._url = f"s3:{argument}"
        self._options = options
        self._base = base
        try:
            self._address = parse(self._url)
        except StorageError as error:
            raise DataError(f"data.source: {error}") from None

    def scan(self) -> Summary:
        """Look at the images without reading them all; a single file is fetched for that.

        Raises:
            DataError: There is nothing here to learn from.
            StorageError: The bucket cannot be read.
        """
        found = self._source.scan()
        if self._is_one_file:
            found = replace(found, digest=digest(only(self._cache, self._where).etag))
        return found

    def samples(self) -> Iterator[Sample]:
        """Yield the samples in the order of a folder or file of the same kind.

        Raises:
            DataError: Something has changed meanwhile, or is damaged.
            StorageError: The bucket cannot be read.
        """
        return self._source.samples()

    def needs_download(self) -> bool:
        """Whether something is not in the cache, or the bucket cannot be asked."""
        try:
            if self._is_one_file:
                return self._cache.kept(only(self._cache, self._where)) is None
            return BucketFiles(self._cache, self._where).wanted()
        except NasflowError:
            return True

    @property
    def _where(self) -> str:
        return f"s3://{self._address.bucket}/{self._address.prefix}".rstrip("/")

    @property
    def _is_one_file(self) -> bool:
        return self._is_npz or is_archive_name(self._address.prefix)

    @property
    def _is_npz(self) -> bool:
        return self._address.prefix.lower().endswith(".npz")

    @cached_property
    def _cache(self) -> BucketCache:
        return BucketCache(self._address)

    @cached_property
    def _source(self) -> NpzSource | FolderSource:
        """The source that reads what is there.

        Raises:
            DataError: There is nothing, or options are given that it does not have.
            StorageError: The bucket cannot be read.
        """
        if self._is_npz:
            return NpzSource(str(kept_file(self._cache, self._where)), self._options, self._base)
        given = self._options.model_dump(exclude_defaults=True)
        if given:
            raise DataError(f"data.options.{next(iter(given))} is for an .npz file, which {self._where} is not.")
        if self._is_one_file:
            return FolderSource(str(kept_file(self._cache, self._where)), FolderOptions(), self._base)
        return _BucketFolder(self._cache, self._where)


class _BucketFolder(FolderSource):
    """An image folder whose files are in a bucket."""

    def __init__(self, cache: BucketCache, where: str) -> None:
        self.root = Path(where)
        self._bucket_files = BucketFiles(cache, where)

    def scan(self) -> Summary:
        return self._scan()

    @cached_property
    def _files(self) -> Any:
        return self._bucket_files
