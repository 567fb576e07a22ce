"""The report of a search: one self-contained HTML file."""

from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.render import render_report

__all__ = ["ReportData", "render_report"]
