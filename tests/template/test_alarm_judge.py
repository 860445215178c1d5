"""The judge of alarms, against the examples of CloudWatch's user guide."""

from __future__ import annotations

import pytest

from tests.template.alarms import alarm_states

X, _O, _M = 1.0, 0.0, None


@pytest.mark.parametrize(
    ("data", "needed", "not_breaching", "breaching"),
    [
        ([_O, _M, X, _M, X], 3, "OK", "OK"),
        ([_O, _M, _M, _M, _M], 3, "OK", "OK"),
        ([_M, _M, _M, _M, _M], 3, "OK", "ALARM"),
        ([_O, X, X, _M, X], 3, "ALARM", "ALARM"),
        ([_M, _M, X, _M, _M], 3, "OK", "ALARM"),
        ([_O, _M, X, _M, X], 2, "ALARM", "ALARM"),
        ([_O, _O, X, _O, X], 2, "ALARM", "ALARM"),
        ([_O, _M, X, _M, _M], 2, "OK", "ALARM"),
        ([_M, _M, _M, _M, _O], 2, "OK", "ALARM"),
    ],
)
def test_an_alarm_is_judged_as_the_guides_examples_are(
    data: list[float | None], needed: int, not_breaching: str, breaching: str
) -> None:
    """Three periods of five minutes, five of which are looked at."""
    series = [(300.0 * i, each) for i, each in enumerate(data) if each is not None]
    alarm = {
        "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 3, "DatapointsToAlarm": needed,
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0,
    }  # fmt: skip
    for treatment, expected in (("notBreaching", not_breaching), ("breaching", breaching)):
        states = alarm_states({**alarm, "TreatMissingData": treatment}, series, more=2)
        assert states[1500] == expected
