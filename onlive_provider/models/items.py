"""The base of the items of arrays, such as guests: what a server answered of them can be sent back."""

# Annotations are evaluated here: pydantic before 2.12 would look up ``Json`` in the module of each subclass.

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from onlive_provider.models.json_values import Json
from onlive_provider.models.model import Model
from onlive_provider.models.sentences import Refusal
from onlive_provider.models.wording import nearest

_ALMOST_THE_SAME = 0.8


class Item(Model):
    """An item of an array, or an object in one. Members that the API reference does not name are sent as given.

    A server adds members of its own, such as ids and states. One that looks like a slip of a known name is refused.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Json]

    @classmethod
    def checked(cls, members: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return the members; a slip of a known name with its refusal as its value, which is raised in its turn."""
        slips = {name: slip for name in members if name not in cls.model_fields and (slip := cls._slip(name, members))}
        return {**members, **slips} if slips else members

    @classmethod
    def _slip(cls, name: str, members: Mapping[Any, Any]) -> Refusal | None:
        missing = [known for known in cls.model_fields if known not in members]
        meant = nearest(name, missing) or nearest(name, cls.model_fields, likeness=_ALMOST_THE_SAME)
        if meant is None or isinstance(members[name], Refusal):
            return None
        return Refusal(f'is not a {cls.member_noun} of {cls.noun}; did you mean "{meant}"?')
