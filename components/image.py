"""The image that every component runs in."""

import os

NAMED = bool(os.environ.get("NASFLOW_IMAGE"))
"""Whether the environment names the image."""

IMAGE = os.environ.get("NASFLOW_IMAGE") or "nasflow-python:latest"
"""Name of the project's image; the environment variable `NASFLOW_IMAGE`, or `nasflow compile --image`, sets it
for what is compiled."""
