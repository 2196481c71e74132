"""A method where river expects something else: an anomaly filter in a pipeline, or a drift detector."""

from __future__ import annotations

from typing import Any, Literal

from river import base

from detectors.contract import Direction, Features, Method, number

_LINE = 0.5


class AlarmFilter(base.AnomalyFilter):  # type: ignore[misc]  # river is not typed
    """Keeps panes at or over the alarm line from what comes after it in a pipeline.

    The method itself learns every pane: it knows how to learn from what is unusual, and one that is kept from it would
    never find a new normal (`ThresholdFilter` learns nothing unusual, without protection nothing at all). A pipeline
    asks for the score after the learning: of a pane that was learned, this is the score that it had before. A
    method that says onsets only, as `metric` does, keeps onsets away.
    """

    def __init__(self, anomaly_detector: Method[Any, Any]) -> None:
        super().__init__(anomaly_detector, protect_anomaly_detector=False)
        self._learned: tuple[float, float] | None = None

    def _get_params(self) -> dict[str, Any]:
        return {"anomaly_detector": (type(self.anomaly_detector), self.anomaly_detector._get_params())}

    def classify(self, score: float) -> bool:
        return score >= _LINE

    def score_one(self, x: Features) -> float:
        if self._learned is not None and self._learned[0] == number(x, "at"):
            return self._learned[1]
        score: float = self.anomaly_detector.score_one(x)
        return score

    def learn_one(self, x: Features) -> None:
        score = self.score_one(x)
        self.anomaly_detector.learn_one(x)
        self._learned = number(x, "at"), score


class MethodDrift(base.DriftDetector):  # type: ignore[misc]  # river is not typed
    """A change begins with each alarm: `drift_detected` is true for the value that opens one, `direction` is its way.

    A drift detector is not told the time: values are `step_seconds` apart, the first at `start` (Unix seconds).
    """

    def __init__(self, method: Method[Any, Any], step_seconds: float = 60.0, start: float = 0.0) -> None:
        super().__init__()
        self.method = method
        self.step_seconds = step_seconds
        self.start = start
        self.direction: Direction | Literal[""] = ""
        self._values = 0
        self._above = False

    def update(self, x: float) -> None:
        at = self.start + self.step_seconds * self._values
        pane = self.method.features(at, x)
        reading = self.method.read(pane)
        above = reading.statistic >= self.method.line
        self._drift_detected = above and not self._above
        self.direction = self.method.explain(pane, reading).direction if self._drift_detected else ""
        self._above = above
        self._values += 1
        self.method.learn(pane, reading)
