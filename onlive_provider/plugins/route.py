"""The route that serves a report's page, and the report itself, to whom Airflow shows the DAG run's XComs.

Plugins' applications have no authentication of their own: here it is Airflow's, the same as of its route for XComs.
What is opened is the place that the task instance pushed, and it is served only if it says itself that it is the report
of that task instance. So an XCom cannot make the API server show anything else, whoever wrote it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from onlive_provider.bulk.report_file import task_of
from onlive_provider.bulk.report_place import page_path
from onlive_provider.links import REPORT_XCOM
from onlive_provider.plugins.place import RefusedError, open_report
from onlive_provider.report.page import HEAD_BYTES, task_of_page

try:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag
except ImportError:
    from airflow.exceptions import AirflowOptionalProviderFeatureException

    raise AirflowOptionalProviderFeatureException("Airflow 2 has no API server that could show reports.") from None

MAX_PAGE = 16 * 2**20
"""Bytes of a page; this provider writes pages of less than a fourth of that."""
MAX_FIRST_LINE = 16 * 2**20
"""Bytes of a report's first line, which names the task. A record with 5,000 guests takes less than 2 MB."""
_PIECE = 256 * 1024

_HEADERS = {
    # The page is kept in a sandbox: whatever somebody put into it in its store, it is a stranger to Airflow. Its own
    # policy, which it holds itself, allows but its own script.
    "Content-Security-Policy": "sandbox allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_NOT_HERE = (
    "There is no report to show here. A running task stores its report at its end. If the task is over, its log and "
    "its XCom report_path say where the report is; Airflow's API server has to be able to open it there.\n"
)

log = logging.getLogger(__name__)


def make_app() -> FastAPI:
    """Return the application that the API server mounts."""
    app = FastAPI(title="Onlive reports", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route(
        "/report/{dag_id}/{run_id}/{task_id}/{map_index}/{file_name}",
        show_report,
        methods=["GET"],
        response_class=Response,
        dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))],
    )
    return app


def show_report(dag_id: str, run_id: str, task_id: str, map_index: str, file_name: str) -> Response:
    """Answer with the page, or with the report as a download; with 404 whatever the reason that it cannot be."""
    try:
        if not re.fullmatch(r"-1|\d{1,9}", map_index, re.ASCII):
            raise RefusedError("the map index is not a number")
        task = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": int(map_index)}
        return _answer(task, file_name)
    except Exception as error:
        # What went wrong may tell of the API server's disk and stores, which is nobody's business who asks here.
        why = str(error) if isinstance(error, RefusedError) else type(error).__name__
        log.warning("A report of DAG %r is not shown: %s", dag_id, why)
        return PlainTextResponse(_NOT_HERE, status_code=404, headers=_HEADERS)


def _answer(task: dict[str, Any], file_name: str) -> Response:
    report = _pushed(task)
    page = page_path(report)
    if file_name == _name(page):
        file = open_report(page, MAX_PAGE)
        head = _read(file, HEAD_BYTES)
        return _stream(file, head, task_of_page(head), task, MAX_PAGE, {"Content-Type": "text/html; charset=utf-8"})
    if file_name == _name(report):
        file = open_report(report)
        head = file.readline(MAX_FIRST_LINE)
        # An empty report tells nothing: the run had no rows.
        said = task_of(head) if head else task
        download = {
            "Content-Type": "application/x-ndjson",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
        }
        return _stream(file, head, said, task, None, download)
    raise RefusedError("the file's name is neither the page's nor the report's")


def _stream(
    file: IO[bytes], head: bytes, said: Any, task: dict[str, Any], most: int | None, headers: dict[str, str]
) -> Response:
    if {name: said.get(name) for name in task} != task:
        file.close()
        raise RefusedError("the file does not say that it is the report of this task")
    return StreamingResponse(_pieces(file, head, most), headers={**_HEADERS, **headers})


def _pieces(file: IO[bytes], head: bytes, most: int | None) -> Iterator[bytes]:
    """Yield a file's content in pieces; what exceeds the most is cut off, in case the file grows meanwhile."""
    with file:
        sent = 0
        piece = head
        while piece:
            sent += len(piece)
            if most is not None and sent > most:
                return
            yield piece
            piece = file.read(_PIECE)


def _read(file: IO[bytes], size: int) -> bytes:
    """Read so many bytes, or to the end: a store may answer with fewer at once."""
    found = b""
    while len(found) < size and (piece := file.read(size - len(found))):
        found += piece
    return found


def _pushed(task: dict[str, Any]) -> str:
    """Return the place that the task instance pushed, as it stands in Airflow's database."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    stands_for = [getattr(XComModel, name) == value for name, value in task.items()]
    # Not the request's session: that would be kept open until the last byte is sent.
    with create_session(scoped=False) as session:
        value = session.scalar(select(XComModel.value).where(*stands_for, XComModel.key == REPORT_XCOM))
    with suppress(ValueError):  # Airflow keeps text as it is, or as JSON, depending on who wrote it.
        value = json.loads(value) if isinstance(value, str) else value
    if not isinstance(value, str):
        raise RefusedError("the task instance pushed no report")
    return value


def _name(path: str) -> str:
    return path.rpartition("/")[2]
