"""Days of real centres, known by what was in the news: they are found, and nobody is paged in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.public_logs import PublicLog, told

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def boston(shared_data: Path) -> PublicLog:
    file = shared_data / "events" / "boston311_2015.csv.gz"
    return PublicLog(file, "boston311.yaml", "boston", ("voice", "app", "web", "social", "internal"))


def test_a_batch_typed_in_by_staff_is_told_and_pages_no_contact_lead(boston: PublicLog) -> None:
    found = told(boston, boston.panes(["internal"], boston.local(2015, 1, 1), boston.local(2015, 1, 21)))
    batch = found.found("internal", "surge", boston.local(2015, 1, 20, 6, 30), boston.local(2015, 1, 20, 9))
    assert max(signal.observed for signal in batch) > 300
    assert {signal.audience for signal in batch} == {"internal"}
    assert not any(incident.pages for incident in found.about(batch))
