"""Judges REST calls of the playground's journal by Discord's own description of its API.

The description is not part of this project: `available()` tells whether it lies beside
the checkout. Where Discord is known to take or send more than it describes, the
description is widened here, and each place says why.
"""

import copy
import functools
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker

DESCRIPTION = Path(__file__).parents[2] / "shared" / "reference" / "discord-openapi.json"
REASON = "Discord's OpenAPI description is not beside this checkout"
_JSON = "application/json"

formats = FormatChecker(formats=())


@formats.checks("snowflake")
def _is_snowflake(value: Any) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"0|[1-9][0-9]{0,19}", value) is not None


@formats.checks("date-time", raises=ValueError)
def _is_date_time(value: Any) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@formats.checks("uri", raises=ValueError)
def _is_uri(value: Any) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


@formats.checks("nonce")
def _is_nonce(value: Any) -> bool:
    return not isinstance(value, str) or len(value) <= 25


@formats.checks("int32")
def _is_int32(value: Any) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


def available() -> bool:
    """Tell whether the description is there."""
    return DESCRIPTION.is_file()


def validate_request(entry: dict[str, Any]) -> list[str]:
    """Return what Discord's description finds wrong with a journal entry's request."""
    operation = _operation(entry)
    if operation is None:
        return [f"{entry['method']} {entry['path']}: no such route in Discord's description"]
    problems = _parameter_problems(entry, operation)
    content = operation.get("requestBody", {}).get("content", {})
    kind, body = entry["content_type"], entry["body"]
    if body is None:
        if operation.get("requestBody", {}).get("required"):
            problems.append("the body is missing")
        return _named(entry, problems)
    if kind not in content:
        return _named(entry, [*problems, f"a body of the type {kind!r} is not described"])
    if kind == "multipart/form-data":
        problems += _file_problems(body, content[kind]["schema"])
        # The form's JSON part is described as the JSON body of the same route.
        kind, body = _JSON, body["payload_json"]
    schema = content[kind]["schema"]
    return _named(entry, problems + _problems(body, schema, "request"))


def validate_response(entry: dict[str, Any]) -> list[str]:
    """Return what Discord's description finds wrong with a journal entry's answer.

    Planted faults are as a test wanted them, and pass.
    """
    if entry["planted"]:
        return []
    operation = _operation(entry)
    if operation is None:
        return (
            [] if entry["status"] in (404, 405) else [f"{entry['path']}: answered, not described"]
        )
    responses = operation["responses"]
    status = str(entry["status"])
    described = responses.get(status) or responses.get(f"{status[0]}XX")
    if described is None:
        return _named(entry, [f"the status {status} is not described"])
    described = _resolve(described)
    schema = described.get("content", {}).get(_JSON, {}).get("schema")
    if schema is None:
        wrong = entry["response"] is not None
        return _named(entry, [f"a {status} has no body"] if wrong else [])
    return _named(entry, _problems(entry["response"], schema, "response"))


def _named(entry: dict[str, Any], problems: list[str]) -> list[str]:
    return [f"{entry['method']} {entry['route']} #{entry['n']}: {p}" for p in problems]


@functools.cache
def _document(side: str) -> dict[str, Any]:
    """Load the description, widened for one side of the conversation."""
    document = json.loads(DESCRIPTION.read_text())
    schemas = document["components"]["schemas"]
    if side == "request":
        # Discord takes ids as numbers too, and its reference says so; discord.py numbers
        # the files of a form that way.
        schemas["SnowflakeType"] = {"anyOf": [schemas["SnowflakeType"], {"type": "integer"}]}
        # The reference lists media channels, which look like forums, as 16; discord.py names them
        # wherever a command takes any channel.
        schemas["ChannelTypes"]["oneOf"].append({"title": "GUILD_MEDIA", "const": 16})
    else:
        # The description wants numbers here; Discord sends names such as BASE_TYPE_REQUIRED.
        inner = copy.deepcopy(schemas["Error"])
        inner["properties"]["code"] = {"type": ["integer", "string"]}
        schemas["InnerErrors"]["properties"]["_errors"]["items"] = inner
    return document


def _operation(entry: dict[str, Any]) -> dict[str, Any] | None:
    path = _document("response")["paths"].get(entry["route"] or "")
    if path is None:
        return None
    operation = path.get(entry["method"].lower())
    if operation is None:
        return None
    return {**operation, "parameters": operation.get("parameters", []) + path.get("parameters", [])}


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = _document("response")
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


@functools.cache
def _validator(schema: str, side: str) -> Draft202012Validator:
    whole = {"components": _document(side)["components"], **json.loads(schema)}
    return Draft202012Validator(whole, format_checker=formats)


def _problems(value: Any, schema: dict[str, Any], side: str) -> list[str]:
    validator = _validator(json.dumps(schema, sort_keys=True), side)
    return [
        f"{side} {error.json_path}: {_deepest(error).message[:300]}"
        for error in validator.iter_errors(value)
    ]


def _deepest(error: Any) -> Any:
    """Return the most telling mistake inside a union: the one deepest in the value."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return error


def _parameter_problems(entry: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    names = re.findall(r"{(\w+)}", entry["route"])
    pattern = re.sub(r"{\w+}", "([^/]+)", entry["route"])
    matched = re.fullmatch(pattern, entry["path"])
    in_path = dict(zip(names, matched.groups(), strict=True)) if matched else {}
    described = {(p["in"], p["name"]): p for p in operation["parameters"]}
    problems = [
        f"the query parameter {name} is not described"
        for name in entry["query"]
        if ("query", name) not in described
    ]
    for (where, name), parameter in described.items():
        given = in_path if where == "path" else entry["query"]
        if name not in given:
            if parameter.get("required"):
                problems.append(f"the parameter {name} is missing")
            continue
        value = _from_text(given[name], _resolve(parameter["schema"]))
        problems += _problems(value, parameter["schema"], "request")
    return problems


def _from_text(value: str, schema: dict[str, Any]) -> Any:
    """Return a parameter's text as the type that its schema names."""
    kind = schema.get("type")
    if kind == "boolean" and value.lower() in ("0", "1", "true", "false"):
        return value.lower() in ("1", "true")
    if kind == "integer" and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    return value


def _file_problems(body: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    names = set(re.findall(r"files\[\d+\]", json.dumps(schema)))
    return [
        f"the form field {file['name']} is not described"
        for file in body["files"]
        if names and file["name"] not in names
    ]
