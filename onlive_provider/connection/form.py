"""The Connection's form, built from the table: as metadata for Airflow 3.2 and newer, as widgets for older versions."""

from __future__ import annotations

from typing import Any

from onlive_provider.connection.fields import EXTRA_FIELDS, HIDDEN_FIELDS, STANDARD_FIELDS, ExtraField

_JSON_TYPES = {"seconds": "integer", "count": "integer", "switch": "boolean", "choice": "string", "text": "string"}


def conn_fields() -> dict[str, Any]:
    """Return the extra's fields as Airflow's ``conn-fields`` metadata."""
    return {
        field.name: {"label": field.label, "description": _description(field), "schema": _schema(field)}
        for field in EXTRA_FIELDS
    }


def ui_field_behaviour() -> dict[str, Any]:
    """Return the hidden standard fields, the labels of the others, and all placeholders."""
    return {
        "hidden_fields": list(HIDDEN_FIELDS),
        "relabeling": {field.name: field.label for field in STANDARD_FIELDS if field.label},
        "placeholders": {field.name: field.placeholder for field in STANDARD_FIELDS}
        | {field.name: str(field.default) for field in EXTRA_FIELDS if field.kind != "switch"},
    }


def form_widgets() -> dict[str, Any]:
    """Return the extra's fields as the wtforms widgets that Airflow 2.11, 3.0 and 3.1 ask a hook for."""
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget  # type: ignore[import-not-found]  # only older Airflows have it
    from wtforms import BooleanField, IntegerField, StringField  # type: ignore[import-untyped]  # it has no types
    from wtforms.validators import Optional, any_of  # type: ignore[import-untyped]  # it has no types

    widgets: dict[str, Any] = {}
    for field in EXTRA_FIELDS:
        texts: dict[str, Any] = {
            "label": field.label,
            "description": _description(field),
            "default": _form_default(field),
        }
        if field.kind == "switch":
            widgets[field.name] = BooleanField(**texts)
            continue
        texts |= {"widget": BS3TextFieldWidget(), "validators": [Optional()]}
        if field.kind in ("seconds", "count"):
            widgets[field.name] = IntegerField(**texts)
        else:
            if field.choices:
                texts["validators"].append(any_of(list(field.choices)))
            widgets[field.name] = StringField(**texts)
    return widgets


def _description(field: ExtraField) -> str:
    """Return the help, with the numbers that are accepted.

    The form itself has no bounds: Airflow's would put the nearest bound in the place of a wrong number, and say
    nothing. Without them the Test button, and every task, names the field.
    """
    if field.kind not in ("seconds", "count"):
        return field.help
    return f"{field.help} From {field.least:g} to {field.most:,}."


def _schema(field: ExtraField) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": [_JSON_TYPES[field.kind], "null"], "default": _form_default(field)}
    if field.choices:
        schema["enum"] = list(field.choices)
    return schema


def _form_default(field: ExtraField) -> float | bool | str | None:
    return field.default if field.stored else None
