"""What a client takes from its machine, without a connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from onlive_provider.client.environment import trust
from onlive_provider.errors import OnliveTlsError


def test_a_file_without_a_certificate_is_trusted_by_nobody(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate")
    with pytest.raises(OnliveTlsError, match=rf"{bundle} contains no readable certificate") as refused:
        trust(str(bundle))
    assert refused.value.attempts == 0
