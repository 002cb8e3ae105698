"""`python -m lethe.requests.certificate.schema`: write the form of a certificate for others' tools, as JSON Schema."""

import json
from pathlib import Path
from typing import Any, Final

from lethe import durable_files
from lethe.requests.certificate.model import Certificate
from lethe.settings import PROJECT

FILE: Final[Path] = PROJECT / "docs" / "certificate.schema.json"


def made() -> dict[str, Any]:
    """The schema (draft 2020-12), from the model."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Certificate.model_json_schema(mode="serialization"),
    }


if __name__ == "__main__":
    text = json.dumps(made(), indent=2, ensure_ascii=True) + "\n"
    durable_files.replace(FILE, text.encode())
    FILE.chmod(0o644)
