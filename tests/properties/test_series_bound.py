"""Gauges with labels from the traffic stay within their bound whatever comes, and what left is gone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge

from streams.series import Labels, Series

ROOM = 5
NAMES = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([str(n) for n in range(8)]))
OPERATIONS = st.one_of(
    st.tuples(st.just("set"), NAMES, st.one_of(st.none(), st.floats(0, 10))),
    st.tuples(st.just("remove"), NAMES, st.none()),
    st.tuples(st.just("keep"), st.sampled_from(["a", "b"]), st.sets(NAMES, max_size=4)),
)


def shown(gauge: Gauge) -> dict[Labels, float]:
    (family,) = gauge.collect()
    return {(sample.labels["tenant"], sample.labels["queue"]): sample.value for sample in family.samples}


@given(st.lists(OPERATIONS, max_size=60))
def test_the_bound_holds_and_what_is_shown_is_what_was_last_said(operations: list[tuple[str, object, object]]) -> None:
    registry = CollectorRegistry()
    one, other = (Gauge(name, "x", ["tenant", "queue"], registry=registry) for name in ("one", "other"))
    series, said = Series("test", ROOM, one, other), dict[Labels, float | None]()
    for what, about, value in operations:
        if what == "set":
            series.set(about, value, 1.0)  # type: ignore[arg-type]
            said[about] = value  # type: ignore[assignment,index]
        elif what == "remove":
            series.remove(about)  # type: ignore[arg-type]
            said.pop(about, None)  # type: ignore[call-overload]
        else:
            series.keep((about,), value)  # type: ignore[arg-type]
            gone = [labels for labels in said if labels[0] == about and labels not in value]  # type: ignore[operator]
            for labels in gone:
                del said[labels]
        assert len(shown(other)) <= ROOM
        assert shown(other).keys() <= said.keys()
        assert shown(one).items() <= {labels: known for labels, known in said.items() if known is not None}.items()
    if len(said) <= ROOM and all(what != "set" or about in said for what, about, _ in operations):
        assert shown(other).keys() == said.keys()
    series.clear()
    assert shown(one) == shown(other) == {}
