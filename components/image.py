"""The image that every component runs in."""

import os

IMAGE = os.environ.get("NASFLOW_IMAGE", "nasflow-python:latest")
"""Name of the project's image; `nasflow compile --image` sets it for one compilation."""
