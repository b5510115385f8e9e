"""Write the tables of the documentation from the code: fields of a record, settings, placeholders, the command line.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. ``make tables`` writes all of them anew.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from onlive_provider.cli import command_line
from onlive_provider.client.placeholders import KEY_PLACEHOLDERS, PLACEHOLDERS, SECRET_FORMS
from onlive_provider.connection.fields import EXTRA_FIELDS, ExtraField
from onlive_provider.models.appointment import AppointmentUpdate
from onlive_provider.models.fields import APPOINTMENT, SERVICE, Field, Resource
from onlive_provider.models.service import ServiceUpdate

DOCS = Path(__file__).parents[1] / "docs"
MODELS = ((APPOINTMENT, AppointmentUpdate), (SERVICE, ServiceUpdate))

_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_KINDS = {
    "instant": "time",
    "id": "text",
    "set": "array, in any order",
    "free object": "object",
    "flag": "true or false",
}


def fields_table(resource: Resource, schema: Mapping[str, Any]) -> str:
    """Return what is known of a resource's fields: what may be sent, and what the provider does with it.

    A row names its page of the API reference, or its part, if that is not the page of most rows.
    """
    flat = list(_flat(resource.fields))
    (most, _), *_ = Counter(field.source for _, field in flat).most_common(1)
    rows = [
        f"| `{name}` | {_type(field, _property(schema, name))} | {_about(field, _property(schema, name), most)} "
        f"| {_shown(field)} |"
        for name, field in flat
    ]
    return "\n".join(["| field | type | what it is | value in the log |", "|---|---|---|---|", *rows])


def seed_table() -> str:
    """Return the updatable fields that a record of a seed file may have, with their JSON types."""
    rows = []
    for resource, model in MODELS:
        schema = model.model_json_schema()
        cells = [f"`{name}` ({_type(field, _property(schema, name))})" for name, field in resource.fields.items()]
        rows.append(f"| {resource.name} | {', '.join(cells)} |")
    return "\n".join(["| record | updatable fields |", "|---|---|", *rows])


def placeholders_table() -> str:
    """Return the placeholders of a signing profile: what each stands for, and where it may stand."""
    rows = []
    for name, each in PLACEHOLDERS.items():
        kind = "yes" if each.group == "time" else ""
        rows.append(f"| `{{{name}}}` | {each.meaning} | {kind} | {'yes' if name in KEY_PLACEHOLDERS else ''} |")
    head = ["| placeholder | stands for | a time | in a further line of `signing_key` |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def secrets_table() -> str:
    """Return the forms of the secret in the first line of the signing key."""
    rows = [f"| `{{{name}}}` | {each.meaning} |" for name, each in SECRET_FORMS.items()]
    return "\n".join(["| placeholder | stands for |", "|---|---|", *rows])


def settings_table() -> str:
    """Return the settings in a Connection's extra, as its form has them."""
    rows = [
        f"| `{field.name}` | {_escaped(field.help)} | {_default(field)} | {_accepted(field)} |"
        for field in EXTRA_FIELDS
    ]
    return "\n".join(["| setting | what it does | default | accepted |", "|---|---|---|---|", *rows])


def commands_table(parser: argparse.ArgumentParser | None = None) -> str:
    """Return each command with a section of its own: what it does, and its options."""
    parser = parser or command_line()
    parts = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parts += [commands_table(each) for each in action.choices.values()]
    if not parts:
        rows = [
            f"| {_spelled(action)} | {_escaped(_capital((action.help or '') % {'default': action.default}))} |"
            for action in parser._actions
            if not isinstance(action, argparse._HelpAction)
        ]
        table = "\n".join(["| argument | meaning |", "|---|---|", *rows])
        parts = [f"## `{parser.prog}`\n\n{_escaped(parser.description or '')}\n\n{table}"]
    return "\n\n".join(parts)


def tables() -> dict[str, str]:
    """Return every table by its name."""
    return {
        **{f"{resource.name}s": fields_table(resource, model.model_json_schema()) for resource, model in MODELS},
        "seed": seed_table(),
        "settings": settings_table(),
        "placeholders": placeholders_table(),
        "secrets": secrets_table(),
        "commands": commands_table(),
    }


def with_tables(text: str) -> str:
    """Return a page with its tables written anew."""
    written = tables()
    return _TABLE.sub(lambda found: f"{found[1]}{written[found[2]]}\n{found[3]}", text)


def _flat(fields: Mapping[str, Field], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Yield fields and the members of their items, by their path such as ``guests[].email``."""
    for name, field in fields.items():
        yield prefix + name, field
        yield from _flat(field.members, f"{prefix}{name}{'[]' if field.kind == 'set' else ''}.")


def _property(schema: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the JSON schema of a member, without the ``null`` that every field takes."""
    found: dict[str, Any] = dict(schema)
    for step in path.replace("[]", ".[]").split("."):
        found = dict(
            _resolved(schema, found)["items"] if step == "[]" else _resolved(schema, found)["properties"][step]
        )
        about = {name: found[name] for name in ("description",) if name in found}
        found = {**_resolved(schema, found), **about}
    return found


def _resolved(schema: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    choices = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    resolved = {**found, **choices[0]} if len(choices) == 1 else dict(found)
    while "$ref" in resolved:
        name = resolved.pop("$ref").rpartition("/")[2]
        resolved = {**schema["$defs"][name], **resolved}
    return resolved


def _type(field: Field, schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    kind = _KINDS.get(field.kind, field.kind)
    return f"{kind}; an item is known by {', '.join(f'`{name}`' for name in field.key)}" if field.key else kind


def _about(field: Field, schema: Mapping[str, Any], source: str) -> str:
    described = str(schema.get("description", "")).replace("\n", " ").replace("|", "\\|")
    parts = [
        described,
        "" if field.readable else "Sent at every run.",
        "" if field.source == source else f"(*{field.source.removeprefix(source + ', ')}*)",
    ]
    return " ".join(filter(None, parts))


def _escaped(text: str) -> str:
    """Return text as a table's cell shows it."""
    return re.sub(r"([|<>_*\\])", r"\\\1", text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _spelled(action: argparse.Action) -> str:
    values = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    value = "" if action.nargs == 0 else str(values)
    return f"`{' '.join(filter(None, (', '.join(action.option_strings), value)))}`".replace("|", "\\|")


def _default(field: ExtraField) -> str:
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if not field.default:
        return "none"
    return f"`{field.default}`" if isinstance(field.default, str) else f"{field.default:,}"


def _accepted(field: ExtraField) -> str:
    match field.kind:
        case "seconds":
            return f"{field.least:,} to {field.most:,}; the form takes whole seconds"
        case "count":
            return f"{field.least:,} to {field.most:,}"
        case "switch":
            return "true, false"
        case "choice":
            return ", ".join(f"`{choice}`" for choice in field.choices)
        case _:
            return "text"


def _shown(field: Field) -> str:
    return "shown" if field.shown else "not shown"


def main() -> int:
    """Write the tables of every page."""
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text("utf-8")
        written = with_tables(text)
        if written != text:
            page.write_text(written, "utf-8")
            print(f"{page.relative_to(DOCS.parent)}: tables written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
