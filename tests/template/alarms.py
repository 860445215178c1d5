"""When an alarm of CloudWatch goes off, judged over what is measured and when."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from tests.template.synthesis import Stack

Json = dict[str, Any]
Series = list[tuple[float, float]]
"""Seconds since some full hour, and what was measured then."""
MINUTE, HOUR = 60, 3600


class Refused(Exception):
    """CloudWatch makes no such alarm."""


def alarm_states(alarm: Json, series: Series, more: int) -> dict[int, str]:
    """An alarm's state at the end of each minute, until a day after the last measurement.

    After "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" in
    CloudWatch's user guide: it is evaluated each minute, over periods that end there; as many as
    EvaluationPeriods, and so many `more` in case some are missing, which is not published (two, in
    the guide's examples). The latest that have data count; what is missing even so counts as
    TreatMissingData says; DatapointsToAlarm of them must breach.
    """
    statistic = {"Sum": sum, "Maximum": max}[alarm["Statistic"]]
    period, wanted = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    if period * wanted > 24 * HOUR or not 1 <= int(alarm["DatapointsToAlarm"]) <= wanted:
        raise Refused
    now = "OK"
    states = {}
    for end in range(MINUTE, int(series[-1][0]) + 24 * HOUR if series else 24 * HOUR, MINUTE):
        first = max(end - period * (wanted + more), -1)
        recent = series[bisect_left(series, (first, 0.0)) : bisect_left(series, (end, 0.0))]
        bins: dict[int, list[float]] = {}
        for at, value in recent:
            bins.setdefault(int((end - at - 1e-9) // period), []).append(value)
        latest = [statistic(bins[age]) > float(alarm["Threshold"]) for age in sorted(bins)][:wanted]
        breaching, missing = sum(latest), wanted - len(latest)
        match alarm["TreatMissingData"]:
            case "notBreaching":
                missing_breach = 0
            case "breaching":
                missing_breach = missing
            case "ignore":  # what is left does not decide: the state stays
                missing_breach = 0
                if all(latest) and missing and breaching < int(alarm["DatapointsToAlarm"]):
                    states[end] = now
                    continue
            case other:
                raise ValueError(f"not judged here: TreatMissingData={other}")
        enough = breaching + missing_breach >= int(alarm["DatapointsToAlarm"])
        now = "ALARM" if enough else "OK"
        states[end] = now
    return states


def sets_off(stack: Stack, name: str, series: Series) -> bool:
    """Whether somebody is told, whatever CloudWatch does not publish."""
    alarm = stack[name]
    if not alarm.get("ActionsEnabled", True) or not alarm["AlarmActions"]:
        return False
    try:
        goes_off = {"ALARM" in alarm_states(alarm, series, more).values() for more in (0, 2)}
    except Refused:
        return False
    assert len(goes_off) == 1, "it depends on what CloudWatch does not publish"
    return goes_off.pop()
