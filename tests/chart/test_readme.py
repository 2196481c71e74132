"""Every value of the chart is documented, and the README says what values.yaml says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chart.charts import CHART
from tools import chart_readme


def test_the_table_of_values_is_up_to_date() -> None:
    assert chart_readme.readme() == (CHART / "README.md").read_text(), "run python -m tools.chart_readme"


def test_a_value_without_a_comment_is_found(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text((CHART / "values.yaml").read_text() + "undocumented: 1\n")
    with pytest.raises(ValueError, match="undocumented"):
        chart_readme.readme(values)
