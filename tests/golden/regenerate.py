"""Write the files that tests compare against: `make golden`, after a change that was meant."""

import json
from pathlib import Path

from kdprobe.results import io
from kdprobe.results.schema import ResultsDocument
from tests.results.test_io import document


def main() -> None:
    """Write the schema and the golden documents; those of earlier versions stay as they were."""
    schema = json.dumps(ResultsDocument.model_json_schema(), indent=1, sort_keys=True) + "\n"
    Path(io.__file__).with_name("schema-v2.json").write_text(schema, encoding="utf-8")
    here = Path(__file__).parent
    (here / "results-v2.json").write_text(io.dumps(document()), encoding="utf-8")
    future = json.loads(io.dumps(document())) | {"schema_version": 99, "something_new": True}
    (here / "results-future.json").write_text(json.dumps(future, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
