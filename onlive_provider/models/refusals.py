"""Translates pydantic's ``ValidationError`` into this provider's sentences, places and order.

Each model completes the errors of its own members, because it knows their names and which values may be shown
(:func:`finished`). :func:`field_errors` then writes pydantic's ``loc`` as a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, ValidationError

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.sentences import KeyRefusal, Loc, Refusal, Refused, path_of, safe_step
from onlive_provider.models.wording import suggest

if TYPE_CHECKING:
    from onlive_provider.models.model import Model

T = TypeVar("T")

_VALUE = "refused"
"""The type of our own errors; pydantic's keep its names."""


def unplaced(refused: Refusal) -> PydanticCustomError:
    """Return the error of a whole object, for a validator to raise. It does not show the value.

    The model around it adds the value if it may be shown.
    """
    context = {"accepted": refused.accepted, "because": refused.because} if isinstance(refused, Refused) else None
    return PydanticCustomError(_VALUE, cast(Any, refused.sentence(shown=False)), context)


def finished(error: ValidationError, model: type[Model], members: Mapping[Any, Any]) -> ValidationError:
    """Return the error of an object with a complete sentence for each member, in the caller's order.

    :param members: what was given, in the caller's order.
    """
    places = {key: place for place, key in enumerate(members)}
    finished_errors = [
        (places.get(_member(each), len(places)), _finish(each, model)) for each in error.errors(include_url=False)
    ]
    return rebuilt(error.title, [each for _, each in sorted(finished_errors, key=lambda each: each[0])])


def rebuilt(title: str, errors: Iterable[ErrorDetails]) -> ValidationError:
    """Return a ``ValidationError`` made of another one's errors."""
    return ValidationError.from_exception_data(title, [_details(each) for each in errors])


def read_argument(validate: Callable[..., T], value: object, place: str = "", /, **context: object) -> T:
    """Read one argument whose values may be shown.

    :param validate: ``model_validate`` of a model, or ``validate_python`` of a ``TypeAdapter``.
    :param place: what an error calls the value.
    :param context: what the validators need to know.
    :raises OnlivePayloadError: naming everything in the value that cannot be used.
    """
    try:
        return validate(value, context=context)
    except ValidationError as error:
        raise OnlivePayloadError(field_errors(error, place, shown=True)) from None


def field_errors(error: ValidationError, field: str = "", *, shown: bool = False) -> list[FieldError]:
    """Return a ``FieldError`` for each error, in their order.

    :param field: what an error calls the value; empty for a payload, whose members are the fields.
    :param shown: whether a value outside any model may be shown.
    """
    return [
        FieldError(path_of(_place(each), field) or "payload", _sentence(each, shown=shown))
        for each in error.errors(include_url=False)
    ]


def _finish(each: ErrorDetails, model: type[Model]) -> ErrorDetails:
    kind, given, place, name = each["type"], each["input"], _place(each), _member(each)
    is_own = len(each["loc"]) == 1
    if isinstance(given, KeyRefusal):
        kind, message, given = _VALUE, str(given), given.key
    elif is_own and kind == "missing":
        message = f"is missing; {model.noun} needs it"
    elif is_own and name in model.immutable:
        message = "cannot be changed: the API sets it; leave it out"
    elif is_own and kind == "extra_forbidden":
        message = f"is not a {model.member_noun} of {model.noun}; {suggest(name, model.model_fields)}"
    elif is_own and given is None and name in model.rows and model.model_fields[name].is_required():
        kind, message = _VALUE, f"got null (None); accepted: a value, because {model.noun} needs it"
    else:
        kind, message = _VALUE if kind == "value_error" else kind, _sentence(each, shown=model.shows(name))
    return {"type": kind, "loc": tuple(map(safe_step, place)), "msg": message, "input": given}


def _sentence(each: ErrorDetails, *, shown: bool) -> str:
    """Return the sentence of an error, whether a model has completed it or not."""
    context = each.get("ctx", {})
    if isinstance(refusal := context.get("error"), Refusal):
        return refusal.sentence(shown=shown)
    if each["type"] == _VALUE and context:
        return Refused(each["input"], **context).sentence(shown=shown)
    if "expected" in context:
        return Refused(each["input"], context["expected"].replace("'", '"')).sentence(shown=shown)
    return each["msg"]


def _member(each: ErrorDetails) -> str:
    refusal = each.get("ctx", {}).get("error")
    return getattr(refusal, "member", "") or str(next(iter(each["loc"]), ""))


def _place(each: ErrorDetails) -> Loc:
    if isinstance(each["input"], KeyRefusal):
        return each["loc"][:-1]
    refusal = each.get("ctx", {}).get("error")
    return (*each["loc"][:-1], refusal.member) if isinstance(refusal, Refusal) and refusal.member else each["loc"]


def _details(each: ErrorDetails) -> InitErrorDetails:
    context = each.get("ctx") or {}
    kind: Any = each["type"]
    if "error" not in context:  # pydantic knows the sentences of its own types only
        kind, context = PydanticCustomError(kind, cast(Any, each["msg"]), context or None), {}
    return InitErrorDetails(type=kind, loc=each["loc"], input=each["input"], ctx=context)
