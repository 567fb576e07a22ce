"""A report is told from any other file, whatever that holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from nasflow.delivery.report import ReportData, render_report
from nasflow.delivery.report.marking import search_of


@pytest.mark.parametrize("name", ["digits", 'a "quoted" <name> & more', "Ziffern äöü"])
def test_a_report_says_whose_it_is(data: ReportData, tmp_path: Path, name: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report(replace(data, name=name)), encoding="utf-8")
    assert search_of(path) == name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"my notes on the search digits",
        b"\xff\xfe\x00binary",
        b"<!doctype html><title>digits</title>",
        b'<meta name="nasflow:search" content="digits">',
        b'<meta name="generator" content="Hugo 0.1"><meta name="nasflow:search" content="digits">',
        b'<meta name="generator" content="nasflow 0.1">',
        b'<meta name><meta name="generator">',
        b"x" * 5000 + b'<meta name="generator" content="nasflow 0.1"><meta name="nasflow:search" content="digits">',
    ],
)
def test_nothing_else_is_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert search_of(path) is None
