"""The extra link "Onlive report", and where it leads: to the route of this provider's plugin, or to a web server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

    from onlive_provider.bulk.storage import ReadableStorage

REPORT_XCOM = "report_path"
"""The XCom that holds the report's place. The route opens what stands there, and nothing else."""
LINK_XCOM = "_link_OnliveReportLink"
HAS_ROUTE = AIRFLOW_V_3_1_PLUS
"""Whether this Airflow's API server serves reports. Before 3.1 it does not know who opens a link."""
URL_PREFIX = "/onlive"


class OnliveReportLink(BaseOperatorLink):
    """Leads from a task to the page of its report, also from a failed one."""

    name = "Onlive report"

    @property
    def xcom_key(self) -> str:
        """The XCom in which Airflow 3 keeps the link."""
        return LINK_XCOM

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the link, or ``""`` if the task has no report that can be opened.

        Airflow 3 asks on the worker, with the operator that was executed; Airflow 2.11 asks in the webserver, with what
        it stored of the DAG.
        """
        known: str | None = getattr(operator, "report_link", None)
        if known is None:
            from airflow.providers.common.compat.sdk import XCom

            known = XCom.get_value(ti_key=ti_key, key=LINK_XCOM)
        return known or ""


def shared_path(storage: ReadableStorage, report_path: str) -> str:
    """Return a report's place as another process finds it: a path on the disk from its root, another URL as it is."""
    local = storage.local_path(report_path)
    return report_path if local is None else os.path.abspath(local)


def report_link(ti: Any, path: str, base_url: str) -> str:
    """Return the link to a report's page.

    :param ti: the task instance that writes the report.
    :param path: of the report, from :func:`shared_path`.
    :param base_url: the Connection's ``report_base_url``; ``""`` stands for the route of this provider's plugin.
    :return: a URL; of the route one that is relative to Airflow's own address; ``""`` if there is no way.
    """
    from onlive_provider.bulk.report_place import page_path

    page = page_path(path)
    if base_url:
        below = page.partition("://")[2].partition("/")[2] if "://" in page else page.lstrip("/")
        return f"{base_url}/{quote(below)}"
    if not HAS_ROUTE:
        return ""
    parts = [ti.dag_id, ti.run_id, ti.task_id, ti.map_index, page.rpartition("/")[2]]
    return "/".join([URL_PREFIX.strip("/"), "report", *(quote(str(part), safe="") for part in parts)])
