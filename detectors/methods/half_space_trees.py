"""River's HalfSpaceTrees (Tan, Ting, Liu 2011) over the value and the time of day. Its score ends at 1."""

from __future__ import annotations

from river import anomaly, preprocessing

from detectors.contract import Features, number
from detectors.peer import Peer, PeerReading, PeerState
from detectors.slots import DAY_SLOTS, LocalTime


class HalfSpaceTrees(Peer):
    """Isolation in random boxes; it does not say which way a value is unusual."""

    said = "isolation"
    line = 0.95

    def __init__(self, trees: int = 10, window: int = 250, seed: int = 1, time_zone: str = "UTC") -> None:
        self.trees, self.window, self.seed, self.time_zone = trees, window, seed, time_zone
        self._local = LocalTime(time_zone)
        model = anomaly.HalfSpaceTrees(n_trees=trees, window_size=window, seed=seed)
        super().__init__(PeerState(model, preprocessing.MinMaxScaler()))

    def look(self, x: Features, value: float) -> PeerReading:
        time = self._local.moment(number(x, "at")).slot % DAY_SLOTS / DAY_SLOTS
        return PeerReading(float(self.state.model.score_one(self._place(value, time))), value, time)

    def take(self, reading: PeerReading) -> None:
        self.state.scaler.learn_one({"value": reading.value})
        self.state.model.learn_one(self._place(reading.value, reading.kept))

    def _place(self, value: float, time: float) -> dict[str, float]:
        return {**self.state.scaler.transform_one({"value": value}), "time": time}


def build(time_zone: str = "UTC") -> HalfSpaceTrees:
    """With the defaults."""
    return HalfSpaceTrees(time_zone=time_zone)
