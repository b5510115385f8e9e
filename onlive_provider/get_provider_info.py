"""Everything that Airflow reads about this provider: what it is called, its Connection's form, what it contains.

Airflow imports this module in every one of its processes, so it imports nothing but the table of the Connection.
"""

from __future__ import annotations

from typing import Any

from onlive_provider.connection.fields import CONN_TYPE, HOOK_CLASS, HOOK_NAME
from onlive_provider.connection.form import conn_fields, ui_field_behaviour

_INTEGRATION = "Onlive.site"
_ASSETS = {
    "schemes": ["onlive"],
    "handler": "onlive_provider.assets.onlive.sanitize_uri",
    "factory": "onlive_provider.assets.onlive.create_asset",
    "to_openlineage_converter": "onlive_provider.assets.onlive.convert_asset_to_openlineage",
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-onlive",
        "name": "Onlive.site",
        "description": "Update appointments and booking services of `Onlive.site <https://onlive.site/>`__: "
        "plan, send only what changes, prove what happened.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://onlive.site/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": ["onlive_provider.hooks.onlive"]}],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "onlive_provider.operators.appointment",
                    "onlive_provider.operators.bulk",
                    "onlive_provider.operators.plan",
                    "onlive_provider.operators.revert",
                    "onlive_provider.operators.rollout",
                    "onlive_provider.operators.service",
                ],
            }
        ],
        "sensors": [{"integration-name": _INTEGRATION, "python-modules": ["onlive_provider.sensors.appointment"]}],
        "triggers": [{"integration-name": _INTEGRATION, "python-modules": ["onlive_provider.triggers.appointment"]}],
        "extra-links": ["onlive_provider.links.OnliveReportLink"],
        "plugins": [{"name": "onlive", "plugin-class": "onlive_provider.plugins.report.OnliveReportPlugin"}],
        "asset-uris": [_ASSETS],
        "dataset-uris": [_ASSETS],  # Airflow 2.11 calls them so.
        "connection-types": [
            {
                "connection-type": CONN_TYPE,
                "hook-class-name": HOOK_CLASS,
                "hook-name": HOOK_NAME,
                "ui-field-behaviour": {name.replace("_", "-"): value for name, value in ui_field_behaviour().items()},
                "conn-fields": conn_fields(),
            }
        ],
    }
