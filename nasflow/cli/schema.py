"""`nasflow schema`: the JSON Schema of a search's YAML, for editors."""

from __future__ import annotations

import json
import sys


def schema() -> None:
    """Print the JSON Schema of a search's YAML, for completion and checks in an editor.

    Save it as nasflow.schema.json and begin the YAML with '# yaml-language-server: $schema=nasflow.schema.json'.
    """
    from nasflow.config.schema import json_schema

    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
