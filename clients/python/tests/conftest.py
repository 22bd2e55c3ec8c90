from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake import Fake


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as server:
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the blocking client would have slept, without sleeping."""
    slept: list[float] = []
    monkeypatch.setattr("tenon_id._client.time.sleep", slept.append)
    return slept
