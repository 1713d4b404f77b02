"""An observer that keeps each call of its methods."""


class RecordingObserver:
    def __init__(self) -> None:
        self.waits: list[tuple[str, float]] = []
        self.calls: list[tuple[str, float]] = []
        self.skews: list[float] = []

    def waited(self, action: str, seconds: float) -> None:
        self.waits.append((action, seconds))

    def called(self, action: str, duration_s: float) -> None:
        self.calls.append((action, duration_s))

    def clock_skew(self, seconds: float) -> None:
        self.skews.append(seconds)
