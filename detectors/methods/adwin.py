"""River's ADWIN (Bifet, Gavalda 2007), looked at with every value: as it comes it looks at every 32nd, which adds up to
31 values to a delay. It says yes or no: its score is 0 or 0.5."""

from __future__ import annotations

import copy

from river import drift

from detectors.contract import Features
from detectors.peer import Peer, PeerReading, PeerState


class Adwin(Peer):
    """A change of the mean, by comparing every split of an adaptive window."""

    said = "change of the mean"
    line = 1.0

    def __init__(self, delta: float = 0.002) -> None:
        self.delta = delta
        super().__init__(PeerState(drift.ADWIN(delta=delta, clock=1)))

    def look(self, x: Features, value: float) -> PeerReading:  # noqa: ARG002  # it knows no time
        # river's drift detectors cannot be asked without being told
        told = copy.deepcopy(self.state.model)
        told.update(value)
        return PeerReading(float(told.drift_detected), value, told)

    def take(self, reading: PeerReading) -> None:
        self.state.model = reading.kept


def build(time_zone: str = "UTC") -> Adwin:
    """With the defaults; it knows no season."""
    del time_zone
    return Adwin()
