"""Reads the arguments of one update, as a caller or a template gave them, and reports all that are invalid."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from onlive_provider.errors import FieldError, OnliveConflictError, OnliveError, OnliveNotFoundError, OnlivePayloadError

if TYPE_CHECKING:
    from onlive_provider.client.updates import Update
    from onlive_provider.models.patch import Update as PayloadModel

T = TypeVar("T")
FailOrSkip: TypeAlias = Literal["fail", "skip"]


class NotGiven(Enum):
    """Stands for an argument that was left out, where ``None`` may be what a value turned out to be."""

    NOT_GIVEN = "not given"


NOT_GIVEN = NotGiven.NOT_GIVEN
_LONGEST_SHOWN = 200


class ArgumentReader:
    """Reads arguments one by one and keeps every error, so that all invalid arguments are reported together."""

    def __init__(self) -> None:
        self._errors: dict[FieldError, None] = {}

    def read(self, parse: Callable[[], T]) -> T | None:
        """Return what ``parse`` returns, or ``None`` and keep its errors."""
        try:
            return parse()
        except OnlivePayloadError as error:
            self.refuse(*error.errors)
            return None

    def refuse(self, *errors: FieldError) -> None:
        """Keep errors. A duplicate counts once."""
        self._errors.update(dict.fromkeys(errors))

    def finish(self) -> None:
        """Raise all errors that were kept, as one."""
        if self._errors:
            raise OnlivePayloadError(list(self._errors))


def rendered_to_nothing(name: str) -> OnlivePayloadError:
    """Return the error of an argument that was given and has no value: it must not pass for one that was left out."""
    message = "was given and rendered to nothing; accepted: a value, or leave the argument out"
    return OnlivePayloadError.of(name, message)


def read_path(value: object, name: str) -> str:
    """Return the path or URL of a file.

    :param value: as a template may have left it.
    :param name: of the argument.
    :raises OnlivePayloadError: it rendered to nothing, or is no path of a file.
    """
    from onlive_provider.models.sentences import is_missing

    text = value.strip() if isinstance(value, str) else value
    if text is None or text == "" or is_missing(text):
        raise rendered_to_nothing(name)
    path = str(value)
    if isinstance(value, int | float | bytes) or (isinstance(value, Collection) and not isinstance(value, str)):
        shown = type(value).__name__
    elif path.endswith("/"):
        shown = repr(shown_path(path))
    else:
        return path
    raise OnlivePayloadError.of(name, f"got {shown}; accepted: the path or URL of a file")


def shown_path(path: str) -> str:
    """Return a path as an error shows it: short, on one line, and without a URL's query, which may be a signature."""
    path = path.partition("?")[0] if "://" in path else path
    text = path if path.isprintable() else ascii(path)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def read_appointment_update(
    appointment_id: object, payload: object, *, fallback_slots: object = NOT_GIVEN, **options: Any
) -> Update:
    """Return the checked update of an appointment.

    :param options: as :meth:`~onlive_provider.hooks.onlive.OnliveHook.update_service` takes them.
    :raises OnlivePayloadError: naming every argument that cannot be used.
    """
    from onlive_provider.client.updates import Update
    from onlive_provider.models.appointment import AppointmentUpdate, check_against_current, parse_slots
    from onlive_provider.models.fields import APPOINTMENT

    arguments = ArgumentReader()
    members = _read(arguments, "appointment_id", appointment_id, AppointmentUpdate, payload, **options)
    slots = None
    if fallback_slots is not NOT_GIVEN:
        slots = arguments.read(lambda: parse_slots(fallback_slots, timezone=options.get("timezone")))
    wanted = members["payload"]
    if slots and wanted and not (wanted.get("start") and wanted.get("end")):
        arguments.refuse(FieldError("fallback_slots", "needs `start` and `end` in the payload: the slot to try first"))
    arguments.finish()
    return Update(resource=APPOINTMENT, check=check_against_current, fallback_slots=tuple(slots or ()), **members)


def read_service_update(service_id: object, payload: object, **options: Any) -> Update:
    """Return the checked update of a service.

    :param options: as :meth:`~onlive_provider.hooks.onlive.OnliveHook.update_service` takes them.
    :raises OnlivePayloadError: naming every argument that cannot be used.
    """
    from onlive_provider.client.updates import Update
    from onlive_provider.models.fields import SERVICE
    from onlive_provider.models.service import ServiceUpdate, check_against_current

    arguments = ArgumentReader()
    members = _read(arguments, "service_id", service_id, ServiceUpdate, payload, **options)
    arguments.finish()
    return Update(resource=SERVICE, check=check_against_current, **members)


def _read(
    arguments: ArgumentReader,
    id_name: str,
    record_id: object,
    model: type[PayloadModel],
    payload: object,
    *,
    timezone: str | None = None,
    only_changed: bool = True,
    plan_only: bool | str = False,
    expected_updated_at: object = NOT_GIVEN,
) -> dict[str, Any]:
    from onlive_provider.models.patch import parse_flag, parse_instant, parse_record_id

    def read_guard() -> str | None:
        if expected_updated_at is NOT_GIVEN:
            return None
        if expected_updated_at is None:
            raise rendered_to_nothing("expected_updated_at")
        return parse_instant(expected_updated_at, "expected_updated_at", timezone)

    return {
        "id": arguments.read(lambda: parse_record_id(record_id, id_name)),
        "payload": arguments.read(
            lambda: model.from_payload(payload, timezone=timezone).model_dump(exclude_unset=True)
        ),
        "only_changed": only_changed,
        "plan_only": arguments.read(lambda: parse_flag(plan_only, "plan_only")),
        "expected_updated_at": arguments.read(read_guard),
    }


def checked_choice(name: str, value: FailOrSkip) -> FailOrSkip:
    """Return ``fail`` or ``skip``.

    :raises ValueError: it is another value.
    """
    if value not in ("fail", "skip"):
        raise ValueError(f"{name}: {value!r} is not accepted; accepted are 'fail' and 'skip'")
    return value


def skipped_errors(on_not_found: FailOrSkip, on_conflict: FailOrSkip = "fail") -> tuple[type[OnliveError], ...]:
    """Return the errors for which the caller asked to skip the task.

    :raises ValueError: an argument is neither ``fail`` nor ``skip``.
    """
    asked = {
        OnliveNotFoundError: checked_choice("on_not_found", on_not_found),
        OnliveConflictError: checked_choice("on_conflict", on_conflict),
    }
    return tuple(kind for kind, choice in asked.items() if choice == "skip")
