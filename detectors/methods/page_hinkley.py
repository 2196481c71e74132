"""River's PageHinkley (Page 1954, Hinkley 1971) on values in running standard deviations: how far the sum of what lies
above (or below) the mean has gone. River says yes or no; the sum itself has no end."""

from __future__ import annotations

import copy

from river import drift, preprocessing

from detectors.contract import Features
from detectors.peer import Peer, PeerReading, PeerState, pickled


class PageHinkley(Peer):
    """A change of the mean."""

    said = "sum of deviations"
    line = 50.0

    def __init__(self, delta: float = 0.005, alpha: float = 0.9999) -> None:
        self.delta, self.alpha = delta, alpha
        model = drift.PageHinkley(delta=delta, alpha=alpha, threshold=self.line)
        super().__init__(PeerState(model, preprocessing.StandardScaler()))

    def look(self, x: Features, value: float) -> PeerReading:  # noqa: ARG002  # it knows no time
        # river's drift detectors cannot be asked without being told
        told = copy.deepcopy(self.state.model)
        told.update(self.state.scaler.transform_one({"value": value})["value"])
        if told._x_mean.n < told.min_instances:
            return PeerReading(0.0, value, told)
        above = told._sum_increase - told._min_increase
        below = told._max_decrease - told._sum_decrease
        return PeerReading(max(above, below, 0.0), value, told)

    def take(self, reading: PeerReading) -> None:
        self.state.scaler.learn_one({"value": reading.value})
        self.state.model = reading.kept

    def pack(self) -> bytes:
        plain = copy.copy(self.state.model)
        plain._test_drift = None  # a method of the model itself: no plain data
        return pickled(plain, self.state)

    def unpack(self, packed: bytes) -> PeerState:
        state = super().unpack(packed)
        state.model._test_drift = state.model._test_both
        return state


def build(time_zone: str = "UTC") -> PageHinkley:
    """With the defaults; it knows no season."""
    del time_zone
    return PageHinkley()
