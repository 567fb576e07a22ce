"""The contract of a data source, as tests: subclass `SourceContract` in a test module and say how to make a source.

class TestMySource(SourceContract):
    def make_source(self, folder: Path) -> Source:
        return MySource("argument", MySource.Options(), folder)
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

from nasflow.config import Options
from nasflow.data import SPLITS, Sample, Source, Summary
from nasflow.serving.pixels import decode

_LOOKED_AT = 200


class SourceContract:
    """What every source keeps.

    `make_source` is called with an empty folder of the test, and again with the same one for another source of the same
    data. A source whose data can change overrides `change_data`, too.
    """

    def make_source(self, folder: Path) -> Source:
        """Return a source of data that can be learned from; put the data into `folder` where they are not there yet."""
        raise NotImplementedError

    def change_data(self, folder: Path) -> bool:
        """Change the data in `folder` and return True, or return False where they cannot change."""
        return False

    def test_options_are_a_model(self, tmp_path: Path) -> None:
        """`Options` validates `data.options`, and its defaults serve."""
        source = self.make_source(tmp_path)
        assert issubclass(source.Options, Options)
        source.Options()

    def test_scan_is_sound(self, tmp_path: Path) -> None:
        """What a scan says is possible."""
        summary = self.make_source(tmp_path).scan()
        assert len(summary.classes) == len(summary.counts) >= 2
        assert len(set(summary.classes)) == len(summary.classes)
        assert min(summary.counts) > 0
        assert summary.channels in (1, 3)
        assert 8 <= summary.size <= 224
        assert list(summary.splits) == [split for split in SPLITS if split in summary.splits]
        assert not summary.splits or "train" in summary.splits
        assert isinstance(summary.digest, str)
        assert summary.digest

    def test_scan_repeats(self, tmp_path: Path) -> None:
        """A scan says the same again, also from another source of the same data and after reading."""
        source = self.make_source(tmp_path)
        first = source.scan()
        _ = list(source.samples())
        assert source.scan() == first
        assert self.make_source(tmp_path).scan() == first

    def test_samples_repeat(self, tmp_path: Path) -> None:
        """Samples come in one order, with one content, from every source of the same data."""
        source = self.make_source(tmp_path)
        assert _told(source) == _told(source) == _told(self.make_source(tmp_path))

    def test_scan_agrees_with_samples(self, tmp_path: Path) -> None:
        """Classes, counts and splits are those of the samples."""
        source = self.make_source(tmp_path)
        summary = source.scan()
        samples = list(source.samples())
        counts = Counter(sample.label for sample in samples)
        assert [counts[label] for label in range(len(summary.classes))] == list(summary.counts)
        assert sum(summary.counts) == len(samples)
        assert {sample.split for sample in samples} - {None} == set(summary.splits)

    def test_names_are_unique(self, tmp_path: Path) -> None:
        """A name finds its sample."""
        names = [sample.name for sample in self.make_source(tmp_path).samples()]
        assert len(set(names)) == len(names)
        assert all(names)

    def test_splits_are_all_or_none(self, tmp_path: Path) -> None:
        """Every sample is in a known split, or all are left to be cut."""
        splits = {sample.split for sample in self.make_source(tmp_path).samples()}
        assert splits == {None} or splits <= set(SPLITS)

    def test_reading_may_stop_and_start_again(self, tmp_path: Path) -> None:
        """Two that read the same source at once, or one that gives up, disturb nobody."""
        source = self.make_source(tmp_path)
        whole = _told(source)
        for _ in source.samples():
            break
        both = list(zip(source.samples(), source.samples(), strict=True))
        assert [(_tell(one), _tell(other)) for one, other in both] == [(sample, sample) for sample in whole]

    def test_reading_needs_no_scan(self, tmp_path: Path) -> None:
        """Samples come also from a source that was not scanned, with the labels that a scan speaks of."""
        self.make_source(tmp_path).scan()
        labels = {sample.label for sample in self.make_source(tmp_path).samples()}
        assert labels == set(range(len(self.make_source(tmp_path).scan().classes)))

    def test_images_can_be_read(self, tmp_path: Path) -> None:
        """Most samples are images, and none has colour where the scan found only grey."""
        source = self.make_source(tmp_path)
        summary = source.scan()
        readable = 0
        samples = list(islice(source.samples(), _LOOKED_AT))
        for sample in samples:
            assert isinstance(sample.content, bytes)
            assert isinstance(sample.label, int)
            try:
                image = decode(sample.image)
            except ValueError:
                continue
            readable += 1
            coloured = image.ndim == 3 and bool((image.min(axis=2) != image.max(axis=2)).any())
            assert not coloured or summary.channels == 3, sample.name
        assert readable > len(samples) / 2

    def test_digest_changes_with_the_data(self, tmp_path: Path) -> None:
        """Other data have another digest."""
        before: Summary = self.make_source(tmp_path).scan()
        if self.change_data(tmp_path):
            assert self.make_source(tmp_path).scan().digest != before.digest


def _told(source: Source) -> list[tuple[str, int, bytes, str | None, str | None]]:
    return [_tell(sample) for sample in source.samples()]


def _tell(sample: Sample) -> tuple[str, int, bytes, str | None, str | None]:
    return sample.name, sample.label, sample.content, sample.split, sample.group
