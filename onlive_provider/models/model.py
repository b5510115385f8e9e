"""The base of all models: absent is not null, the caller's order is kept, and one error names every mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models import fields
from onlive_provider.models.refusals import field_errors, finished, unplaced
from onlive_provider.models.rendered import read_object
from onlive_provider.models.sentences import KeyRefusal, Refusal, refuse_missing


def _say_what_is_sent(schema: dict[str, Any], model: type[Model]) -> None:
    """Remove the defaults from a JSON schema: an absent member is not sent, which is not the same as null."""
    for member in schema.get("properties", {}).values():
        member.pop("default", None)
    if not model.may_be_empty:
        schema["minProperties"] = 1


class Model(BaseModel):
    """An object of the API. ``model_dump(exclude_unset=True)`` is its JSON: the members that were set, in their order.

    Absent, ``None`` and empty are three things: absent is not sent, ``None`` is sent as ``null``, ``[]`` and ``{}`` are
    sent as they are. A member without a default must be there and cannot be null.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, json_schema_extra=_say_what_is_sent
    )

    noun: ClassVar[str]
    """What an error calls the object, e.g. ``a guest``."""
    member_noun: ClassVar[str] = "field"
    rows: ClassVar[Mapping[str, fields.Field]] = {}
    """The rows of the table of fields that the members have."""
    immutable: ClassVar[tuple[str, ...]] = ()
    """Names that only the API may change."""
    may_be_empty: ClassVar[bool] = True

    def __init__(self, /, **members: Any) -> None:
        try:
            super().__init__(**members)
        except ValidationError as error:
            raise OnlivePayloadError(field_errors(error)) from None

    # Pydantic calls the __init__ of a subclass for every object that it reads, unless it says that it is pydantic's.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # no stub declares pydantic's mark

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show what was set, with values only where no guest's data can be."""
        for name, value in self.__dict__.items():
            if name in self.model_fields_set:
                yield name, value if self.shows(name) else "(not shown)"

    @classmethod
    def shows(cls, name: str) -> bool:
        """Whether the value of a member may stand in an error and a repr."""
        return name in cls.rows and cls.rows[name].shown

    @classmethod
    def checked(cls, members: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return what is read of the given members: a value may be the refusal of its member."""
        return members

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if type(given) is not dict and isinstance(given, cls):  # pydantic's isinstance is slow
            return given
        try:
            members = cls.checked(members_of(given))
            if not members and not cls.may_be_empty:
                raise Refusal(f"is empty; {cls.noun} needs at least one field to send")
        except Refusal as refusal:
            raise unplaced(refusal) from None
        try:
            model = read(members)
        except ValidationError as error:
            raise finished(error, cls, members) from None
        if len(members) > 1:
            # Pydantic holds members in the order of their declaration.
            held = model.__dict__
            ordered = {name: held[name] for name in members if name in held}
            object.__setattr__(model, "__dict__", ordered | held)
        return model


def members_of(given: object) -> dict[Any, Any]:
    """Return the members of an object, given as a mapping, as text that holds one, or as a model."""
    if type(given) is not dict:
        if isinstance(given, Model):
            return given.model_dump(exclude_unset=True)
        refuse_missing(given)
        given = dict(read_object(given))
    for key in given:
        if type(key) is not str:
            break
    else:
        return given
    # A refused key takes the value's place, so that it is reported in its turn.
    texts = {key: str.__str__(key) if isinstance(key, str) else KeyRefusal(key) for key in given}
    return {f"{key}": key if isinstance(key, KeyRefusal) else given[whole] for whole, key in texts.items()}
