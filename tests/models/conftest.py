"""What the tests of the models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from onlive_provider.errors import OnlivePayloadError

Refusals = dict[str, str]


@pytest.fixture
def refusals() -> Callable[..., Refusals]:
    """Call something that must refuse its input, and return the message of every field it names, in their order."""

    def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Refusals:
        with pytest.raises(OnlivePayloadError) as caught:
            function(*args, **kwargs)
        found = {error.field: error.message for error in caught.value.errors}
        assert len(found) == len(caught.value.errors), "a field is named twice"
        return found

    return call
