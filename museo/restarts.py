"""When a process that ended is started again: at once, and slower if it keeps ending."""

from dataclasses import dataclass

QUICK = 5.0
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


@dataclass(frozen=True)
class Streak:
    """How often in a row a process ended less than `QUICK` seconds after its start."""

    quick_ends: int = 0

    def after(self, *, lived: float) -> "Streak":
        return Streak(self.quick_ends + 1 if lived < QUICK else 0)

    @property
    def pause(self) -> float:
        """Seconds before the next start."""
        return PAUSES[min(max(self.quick_ends - 1, 0), len(PAUSES) - 1)]

    @property
    def looks_broken(self) -> bool:
        return self.quick_ends >= 3
