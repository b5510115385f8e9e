"""An OpenTelemetry collector on the loopback interface, to which a whole Airflow sends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it came in.

    :param scope: the module that opened it.
    :param status: as it is in the message; empty where nothing was set.
    """

    name: str
    scope: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    status: dict[str, str]
    bytes: bytes = field(repr=False)


@dataclass(frozen=True)
class Point:
    """A number of a metric as it came in."""

    name: str
    kind: str
    attributes: dict[str, Any]
    value: int


@dataclass(frozen=True)
class Collector:
    """What came in, in the order of its coming."""

    port: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Keep what a request holds."""
        message = _KINDS[path]()
        message.ParseFromString(body)
        for resource in getattr(message, "resource_spans", ()):
            for scope in resource.scope_spans:
                self.spans.extend(_span(scope.scope.name, each) for each in scope.spans)
        for resource in getattr(message, "resource_metrics", ()):
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.points.extend(_points(metric))


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def _span(scope: str, span: Any) -> ReceivedSpan:
    ids = (each.hex() for each in (span.trace_id, span.span_id, span.parent_span_id))
    status = MessageToDict(span.status)
    return ReceivedSpan(span.name, scope, *ids, _attributes(span.attributes), status, span.SerializeToString())


def _points(metric: Any) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind in ("gauge", "sum"):
        for each in getattr(metric, kind).data_points:
            yield Point(metric.name, kind, _attributes(each.attributes), each.as_int or int(each.as_double))


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect in a thread of this process."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
