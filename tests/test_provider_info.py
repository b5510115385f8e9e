"""What Airflow reads about the provider is right by Airflow's own schema, and cheap to read."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers_manager import ProvidersManager

from onlive_provider.connection.fields import EXTRA_FIELDS, SIGNING_FIELDS
from onlive_provider.connection.form import conn_fields, form_widgets, ui_field_behaviour
from onlive_provider.get_provider_info import get_provider_info

VERSION = tuple(map(int, airflow.__version__.split(".")[:2]))
FORM_IS_METADATA = VERSION >= (3, 2)


def airflow_schema(name: str) -> dict[str, Any]:
    return json.loads((Path(airflow.__file__).parent / name).read_text())


def connection_type() -> dict[str, Any]:
    (found,) = get_provider_info()["connection-types"]
    return found


def test_it_satisfies_airflows_schema_of_provider_information():
    jsonschema.validate(get_provider_info(), airflow_schema("provider_info.schema.json"))


@pytest.mark.skipif(not FORM_IS_METADATA, reason="this Airflow knows no conn-fields")
def test_its_form_satisfies_airflows_schema_of_forms():
    schema = airflow_schema("provider.yaml.schema.json")
    types = schema["properties"]["connection-types"] | {"definitions": schema.get("definitions", {})}
    jsonschema.validate(get_provider_info()["connection-types"], types)
    assert set(connection_type()["conn-fields"]) == {field.name for field in EXTRA_FIELDS}


def test_its_package_name_is_the_distributions():
    assert get_provider_info()["package-name"] == metadata.metadata("airflow-provider-onlive")["Name"]


def test_reading_it_imports_no_airflow_and_no_library():
    code = (
        "import sys; from onlive_provider.get_provider_info import get_provider_info; get_provider_info();"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " {'airflow', 'requests', 'aiohttp', 'pydantic', 'pendulum', 'wtforms', 'flask_appbuilder', 'fastapi'}],"
        " [name for name in sys.modules if name.startswith('onlive_provider.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.startswith("[] ")
    assert "onlive_provider.client" not in found


def test_every_module_that_it_names_exists():
    info = get_provider_info()
    kinds = ("hooks", "operators", "sensors", "triggers")
    named = [module for kind in kinds for each in info[kind] for module in each["python-modules"]]
    assert [module for module in named if find_spec(module) is None] == []
    integrations = {each["integration-name"] for each in info["integrations"]}
    assert {each["integration-name"] for kind in kinds for each in info[kind]} <= integrations


def test_the_classes_that_it_names_exist():
    info = get_provider_info()
    for path in [*info["extra-links"], *(each["plugin-class"] for each in info["plugins"])]:
        module, _, name = path.rpartition(".")
        assert isinstance(getattr(import_module(module), name), type)


def test_airflow_knows_the_link():
    assert "onlive_provider.links.OnliveReportLink" in ProvidersManager().extra_links_class_names


def test_airflow_loads_the_plugin():
    from airflow import plugins_manager

    plugins_manager.ensure_plugins_loaded()
    found = plugins_manager.plugins if VERSION < (3, 2) else plugins_manager._get_plugins()[0]
    assert "onlive" in {plugin.name for plugin in found}


def test_the_hook_says_of_itself_what_the_information_says_of_it():
    module, _, name = connection_type()["hook-class-name"].rpartition(".")
    hook = getattr(import_module(module), name)
    assert (hook.conn_type, hook.hook_name) == (connection_type()["connection-type"], connection_type()["hook-name"])
    assert hook.conn_name_attr == "onlive_conn_id"
    assert hook.default_conn_name == "onlive_default"


def test_airflow_finds_the_hook_by_its_connection_type():
    hook = ProvidersManager().hooks["onlive"]
    assert hook is not None
    assert hook.hook_class_name == "onlive_provider.hooks.onlive.OnliveHook"
    assert hook.connection_id_attribute_name == "onlive_conn_id"
    assert hook.connection_testable


def test_the_standard_fields_say_what_they_hold_and_the_port_stays_visible():
    behaviour = connection_type()["ui-field-behaviour"]
    assert behaviour["relabeling"] == {
        "login": "Access Key ID",
        "password": "Secret Access Key",
        "host": "Base URL",
        "port": "Port",
    }
    assert behaviour["placeholders"]["port"] == "that of the Base URL"
    assert behaviour["hidden-fields"] == ["schema"]


@pytest.mark.parametrize("field", EXTRA_FIELDS, ids=lambda field: field.name)
def test_every_setting_has_a_label_a_help_a_default_and_bounds(field):
    shown = conn_fields()[field.name]
    assert shown["label"]
    assert shown["description"].endswith(".")
    schema = shown["schema"]
    assert "null" in schema["type"]
    assert schema.get("default") == (field.default if field.stored else None)
    placeholder = ui_field_behaviour()["placeholders"].get(field.name)
    assert placeholder == (None if field.kind == "switch" else str(field.default))
    if field.kind in ("seconds", "count"):
        assert shown["description"].endswith(f" From {field.least:g} to {field.most:,}.")
        assert field.least <= field.default <= field.most
    assert not {"minimum", "maximum"} & schema.keys(), "Airflow's form would correct a wrong number without a word"
    if field.kind == "choice":
        assert field.default in schema["enum"]


def test_an_assumption_about_the_signature_is_not_stored_by_the_form():
    stored = {name for name, field in conn_fields().items() if field["schema"]["default"] is not None}
    assert stored.isdisjoint(SIGNING_FIELDS)
    assert len(stored) == len(EXTRA_FIELDS) - 5


class StandInField:
    """Keeps what a wtforms field is made with, as wtforms does before it is bound to a form."""

    def __new__(cls, **kwargs: Any) -> Any:
        return SimpleNamespace(field_class=cls, kwargs=kwargs)


class StandInAnyOf:
    def __init__(self, values: list[str]) -> None:
        self.values = values


@pytest.fixture
def wtforms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give wtforms where it is installed, else stand-ins, as Airflow 3.1 does."""
    if find_spec("wtforms") and find_spec("flask_appbuilder"):
        return
    names = ("StringField", "IntegerField", "BooleanField")
    stand_ins: dict[str, dict[str, Any]] = {
        "wtforms": {name: type(name, (StandInField,), {}) for name in names},
        "wtforms.validators": {
            "Optional": type("Optional", (), {}),
            "any_of": StandInAnyOf,
        },
        "flask_appbuilder": {},
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": type("BS3TextFieldWidget", (), {})},
    }
    for name, members in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


def as_conn_field(widget: Any) -> dict[str, Any]:
    """Return what a wtforms widget asks for in the form of ``conn-fields``."""
    given = widget.kwargs
    types = {"StringField": "string", "IntegerField": "integer", "BooleanField": "boolean"}
    schema: dict[str, Any] = {"type": [types[widget.field_class.__name__], "null"], "default": given["default"]}
    for validator in given.get("validators", ()):
        if hasattr(validator, "values"):
            schema["enum"] = validator.values
    return {"label": given["label"], "description": given["description"], "schema": schema}


def test_the_old_and_the_new_form_agree_field_for_field(wtforms):
    assert {name: as_conn_field(widget) for name, widget in form_widgets().items()} == conn_fields()


def test_a_number_or_choice_that_is_left_empty_passes_the_old_form(wtforms):
    for name, widget in form_widgets().items():
        if widget.field_class.__name__ != "BooleanField":
            assert type(widget.kwargs["validators"][0]).__name__ == "Optional", name


def test_the_hook_gives_the_old_form(wtforms):
    from onlive_provider.hooks.onlive import OnliveHook

    assert set(OnliveHook.get_connection_form_widgets()) == set(conn_fields())
    old, new = OnliveHook.get_ui_field_behaviour(), connection_type()["ui-field-behaviour"]
    assert {name.replace("_", "-"): value for name, value in old.items()} == new


@pytest.mark.skipif(VERSION >= (3,), reason="this Airflow's own web interface has no such form")
def test_airflow_shows_the_old_form_whole():
    manager = ProvidersManager()
    shown = {name for name in manager.connection_form_widgets if name.startswith("extra__onlive__")}
    assert shown == {f"extra__onlive__{name}" for name in conn_fields()}
    assert manager.field_behaviours["onlive"]["relabeling"]["login"] == "Access Key ID"
    assert manager.field_behaviours["onlive"]["placeholders"]["extra__onlive__timeout"] == "30"


@pytest.mark.skipif(not FORM_IS_METADATA, reason="this Airflow asks the hook")
def test_airflow_shows_the_new_form_whole():
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    (shown,) = [each for each in HookMetaService.hook_meta_data() if each.connection_type == "onlive"]
    assert shown.hook_name == "Onlive.site"
    assert shown.standard_fields is not None
    assert shown.standard_fields.password is not None
    assert shown.standard_fields.password.title == "Secret Access Key"
    assert shown.standard_fields.url_schema is not None
    assert shown.standard_fields.url_schema.hidden
    assert shown.extra_fields is not None
    assert {name: field["schema"]["title"] for name, field in shown.extra_fields.items()} == {
        field.name: field.label for field in EXTRA_FIELDS
    }
