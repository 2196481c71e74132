"""River's PredictiveAnomalyDetection over a Holt-Winters forecast with a day's season: the squared error beside its
usual size. River's score learns and ends at 1; here it is taken without either."""

from __future__ import annotations

import math

from river import anomaly, time_series

from detectors.contract import Features, number
from detectors.peer import Peer, PeerReading, PeerState

_DAY_SECONDS = 86_400.0
_SEASON_MAX = 1440
_SEASON_MIN = 2


class HoltWinters(Peer):
    """For numbers with a season of a day; its length in values follows from the first two times."""

    said = "squared error over its usual size"
    line = 1.0

    def __init__(self, alpha: float = 0.1, beta: float = 0.001, gamma: float = 0.1, n_std: float = 3.0) -> None:
        self.alpha, self.beta, self.gamma, self.n_std = alpha, beta, gamma, n_std
        super().__init__(PeerState(None))

    def look(self, x: Features, value: float) -> PeerReading:
        model = self.state.model
        if model is None:
            return PeerReading(0.0, value, number(x, "at"))
        if model.iter < model.warmup_period:
            return PeerReading(0.0, value)
        error = (model.predictive_model.forecast(1)[0] - value) ** 2
        usual = model.dynamic_mae.get() + self.n_std * math.sqrt(max(model.dynamic_se_variance.get(), 0.0))
        return PeerReading(error / usual if usual > 0 else 0.0, value)

    def take(self, reading: PeerReading) -> None:
        state = self.state
        if state.model is None:
            self._size(reading.kept)
            return
        if state.model.iter >= state.model.warmup_period:
            state.model.score_one(None, reading.value)
        state.model.learn_one(None, reading.value)

    def _size(self, at: float) -> None:
        """The first time is kept where a scaler would be; with the second, the season's length is known."""
        state = self.state
        if state.scaler is None:
            state.scaler = at
            return
        season = min(max(round(_DAY_SECONDS / (at - state.scaler)), _SEASON_MIN), _SEASON_MAX)
        forecast = time_series.HoltWinters(alpha=self.alpha, beta=self.beta, gamma=self.gamma, seasonality=season)
        # the forecast needs a whole season before its first word
        state.model = anomaly.PredictiveAnomalyDetection(forecast, n_std=self.n_std, warmup_period=2 * season)


def build(time_zone: str = "UTC") -> HoltWinters:
    """With the defaults; a season of a day needs no zone."""
    del time_zone
    return HoltWinters()
