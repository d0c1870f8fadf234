"""validate.py SCHEMA DOCUMENT [SCHEMA DOCUMENT…]: holds documents against JSON Schemas, and prints what does not fit, a line each.

Stricter than the schema, which allows what a later version may add: a property that it does not name is an error too.
"""

import json
import sys

import jsonschema


def closed(schema):
    """The schema, with no properties allowed but those that it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


def errors(schema_file, document_file):
    with open(schema_file) as file:
        schema = json.load(file)
    with open(document_file) as file:
        document = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(closed(schema)).iter_errors(document):
        best = jsonschema.exceptions.best_match([error])
        yield "/".join(map(str, best.absolute_path)) + ": " + best.message[:200]


good = True
for at in range(1, len(sys.argv), 2):
    for error in errors(*sys.argv[at : at + 2]):
        good = False
        print(sys.argv[at + 1] + ": " + error)
sys.exit(0 if good else 1)
