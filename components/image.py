"""The image that every component runs in."""

import os

IMAGE = os.environ.get("NASFLOW_IMAGE", "nasflow-python:latest")
"""Name of the project's image; the environment variable `NASFLOW_IMAGE`, or `nasflow compile --image`, sets it."""
