"""OpenTelemetry spans of the parts of a task: planning, writing, a batch, reading it again, putting back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.trace import Span

SpanName: TypeAlias = Literal["onlive.plan", "onlive.write", "onlive.batch", "onlive.verify", "onlive.put_back"]
"""What the spans are called: ``onlive.write`` is that of a bulk task, ``onlive.batch`` and ``onlive.verify`` of a
rollout."""


@contextmanager
def traced(name: SpanName, attributes: Mapping[str, int | str]) -> Iterator[Span]:
    """Open a span for the length of a ``with`` block, within the one that is open: Airflow's span of the task.

    Where nothing collects spans, as without ``[traces] otel_on``, this costs nothing. An error's text may quote a
    record, so a span only says of which class it was.

    :param attributes: without the prefix ``onlive.``; no value of a record.
    """
    from opentelemetry import trace

    tracer = trace.get_tracer("onlive_provider")
    named = {f"onlive.{key}": value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, attributes=named, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
