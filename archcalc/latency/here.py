"""Whether a profile is of this machine."""

from __future__ import annotations

from archcalc.latency.profile import Calibrated, Profile
from archcalc.measure import processor

ELSEWHERE = 3  # the factor that nine of ten networks lay within, on machines that the profile wasn't of


def elsewhere(profile: Profile) -> str:
    """What to say where a CPU's profile is used on another one; nothing where it is of this one, or of another kind."""
    if not isinstance(profile, Calibrated) or profile.device.type != "cpu":
        return ""
    name, isa = processor.processor(), processor.isa()
    if profile.device.model == name and profile.device.isa in (None, isa):
        return ""
    here = f"{name} ({isa})" if isa else name
    return (
        f"{profile.name} isn't this machine, {here}: here times may be {ELSEWHERE} times as long or as short;"
        " `archcalc calibrate --quick -o here.json` measures it"
    )


__all__ = ["elsewhere"]
