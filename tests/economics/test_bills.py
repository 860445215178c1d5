"""What a month costs, in closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from economics import compare
from economics.bill import GB, SECONDS, even_seconds, launches, on_functions, usd, writes
from economics.figures import ASSUMED
from economics.month import Month
from economics.work import Job, Stack, Work, sizes
from tests.economics.given import INSTANT, OURS, WORK

RECIPE = compare.ALL["the recipe"]


def item(name: str, stack: Stack, work: Work = WORK) -> float:
    return Month(stack, work).items[name]


def test_a_task_costs_a_minute_at_least() -> None:
    assert item("compute", Stack("fargate")) / 1e6 == pytest.approx((0.04048 + 2 * 0.004445) / 60)


def test_a_long_task_costs_its_seconds_from_the_images_download_on() -> None:
    work = replace(WORK, job=Job(seconds_per_mib=600, start_seconds=0))
    seconds = ASSUMED["image_pull_seconds"] + work.job.seconds(1)
    assert seconds > 600
    assert item("compute", Stack("fargate"), work) == pytest.approx(
        1e6 * seconds * (0.04048 + 2 * 0.004445) / 3600
    )


def test_a_function_costs_its_memory_and_time() -> None:
    work = Work(1e6, sizes("1:100"), Job(seconds_per_mib=1, start_seconds=0))
    expected = 1e6 * work.job.seconds(1) * 1769 / 1024 * 0.0000166667
    assert item("compute", Stack(), work) == pytest.approx(expected)


def test_a_cold_function_costs_its_start_too() -> None:
    """Of very few uploads, each finds no warm environment."""
    cold = Job(seconds_per_mib=1, start_seconds=10)
    few, warm = (
        Work(1, sizes("1:100"), cold),
        Work(1, sizes("1:100"), replace(cold, start_seconds=0)),
    )
    more = item("compute", Stack(), few) - item("compute", Stack(), warm)
    assert more == pytest.approx(10 * 1769 / 1024 * 0.0000166667, rel=1e-3)


@pytest.mark.parametrize(
    ("gb_seconds", "expected"),
    [
        (0, 0),
        (6e9, 6e9 * 0.0000166667),
        (7e9, 6e9 * 0.0000166667 + 1e9 * 0.000015),
        (16e9, 6e9 * 0.0000166667 + 9e9 * 0.000015 + 1e9 * 0.0000133334),
    ],
)
def test_each_part_of_an_amount_has_the_price_of_its_tier(
    gb_seconds: float, expected: float
) -> None:
    assert usd(Stack(), {"lambda.gb_second": gb_seconds}) == pytest.approx(expected)


def test_hybrid_costs_what_its_parts_cost() -> None:
    """Of engines and requests; the rest has no parts."""
    work = Work(1e6, sizes("1:75,200:25"), Job(0.03, 0.1))
    small, large = Work(75e4, sizes("1:100"), work.job), Work(25e4, sizes("200:100"), work.job)
    for name in ("compute", "logs", "requests"):
        parts = item(name, Stack("lambda"), small) + item(name, Stack("fargate"), large)
        assert item(name, Stack("hybrid"), work) == pytest.approx(parts)


@pytest.mark.parametrize(
    ("mib", "engine"), [(127.9, "lambda"), (128, "lambda"), (128.1, "fargate")]
)
def test_hybrid_chooses_as_the_rules_do(mib: float, engine: str) -> None:
    assert Stack("hybrid").is_task(mib) == (engine == "fargate")


def test_the_even_time_is_where_both_cost_the_same() -> None:
    function = usd(Stack(), on_functions(even_seconds(Stack())))
    assert function == pytest.approx(item("compute", Stack("fargate")) / 1e6)


def test_a_crossing_is_where_both_cost_the_same() -> None:
    pair = ("fargate, public", "fargate")
    first, second = (compare.ALL[name] for name in pair)
    (cheaper, uploads), (other, rest) = compare.cheaper(pair, OURS)
    assert ((cheaper, other), rest) == (pair, math.inf)
    paid = {
        times: [Month(stack, OURS.at(times * uploads)).total for stack in (first, second)]
        for times in (1, 0.5, 2)
    }
    assert paid[1][0] == pytest.approx(paid[1][1])
    assert paid[0.5][0] < paid[0.5][1]
    assert paid[2][0] > paid[2][1]


def test_the_crossing_of_addresses_and_endpoints_is_their_ratio() -> None:
    """Endpoints for an hour against an address for a minute, and the endpoints' bytes."""
    minute, endpoints = 0.005 / 60, 6 * 730 * 0.01
    a_task = minute - ASSUMED["network_bytes_task"] / 2**30 * 0.01
    (_, uploads), _ = compare.cheaper(("fargate, public", "fargate"), WORK)
    assert uploads == pytest.approx(endpoints / a_task)


def test_the_recipe_costs_three_minutes_a_trail_and_a_nat_gateway() -> None:
    said = Month(RECIPE, WORK).items
    assert said["compute"] == pytest.approx(1e6 * 180 / 3600 * (0.04048 + 2 * 0.004445))
    assert said["trail"] == pytest.approx(1, rel=0.02)
    image = 1e6 * ASSUMED["recipe_image_gb"] * 0.045
    assert said["network"] == pytest.approx(730 * 0.05 + image, rel=0.01)
    assert said["builds"] == said["queues"] == said["sweep"] == 0


def test_spot_saves_less_than_its_discount() -> None:
    """What is interrupted runs again, on demand."""
    ratio = item("compute", Stack("fargate", spot=True)) / item("compute", Stack("fargate"))
    assert ratio == pytest.approx(1 - 0.7 + ASSUMED["interrupted"])


def test_a_gb_is_what_aws_calls_one() -> None:
    """The tiers of storage end at 50 and 500 x 1024 of them."""
    work = Work(51_200 * 1024 / 2 + 1024, sizes("1:100"), INSTANT)
    assert item("storage", Stack(), work) == pytest.approx(51_200 * 0.023 + 2 * 0.022)
    assert GB == 1_073_741_824


@pytest.mark.parametrize(
    ("mib", "requests"), [(1, 1), (7.9, 1), (8, 3), (8.1, 4), (16, 4), (200, 27)]
)
def test_an_upload_in_parts_is_a_request_for_each_and_two_more(mib: float, requests: int) -> None:
    assert writes(mib) == requests
    work = Work(1e6, sizes(f"{mib}:100"), INSTANT)
    more = item("requests", Stack(), work) - item("requests", Stack())
    assert more == pytest.approx((requests - 1) * 5 + (mib > 1) * 0.4)
    trail = item("trail", Stack("fargate", event_source="cloudtrail"), work)
    assert trail == pytest.approx(requests, rel=0.02)


@pytest.mark.parametrize(
    ("stack", "more"),
    [(Stack(), 2.5), (Stack("hybrid"), 0.5), (Stack("fargate", event_source="cloudtrail"), 2.5)],
)
def test_a_result_topic_adds_its_messages_and_the_events_that_were_not_sent(
    stack: Stack, more: float
) -> None:
    told = replace(stack, result_topic=True)
    assert item("events", told, WORK) - item("events", stack, WORK) == pytest.approx(more)
    assert item("watch", told, WORK) - item("watch", stack, WORK) == pytest.approx(0.2)


def test_the_recipes_output_is_sent_in_parts_too_and_its_upload_fetched_so() -> None:
    work = Work(1e6, sizes("16:100"), INSTANT)
    assert item("requests", RECIPE, work) == pytest.approx(2 * 4 * 5 + 3 * 0.4)


def test_a_sweep_asks_three_times_for_each_upload_once() -> None:
    """Beside its LISTs and the time that it takes."""
    lists = 730 * (3 + 2 * 1.07 * 1e6 / 1000) * 0.005e-3
    assert item("sweep", Stack()) - lists > 3 * 0.4
    assert item("sweep", Stack()) - lists < 3 * 0.4 + 2


def test_a_sweep_asks_for_uploads_in_parts_every_hour_for_a_week() -> None:
    hundred_thousand = replace(WORK, uploads=1e5)
    whole = item("sweep", Stack(), hundred_thousand)
    in_parts = item("sweep", Stack(), replace(hundred_thousand, sizes=sizes("8:100")))
    assert in_parts - whole > 167 * 3 * 0.04


def test_messages_one_by_one_are_three_requests_and_in_tens_a_request_and_two_tenths() -> None:
    stack = Stack("fargate", max_tasks=50)
    a_second, request = 0.25 * 0.0000166667, 0.2e-6
    alone = 3 * 0.5e-6 + request + 2.2 * a_second
    assert usd(stack, launches(1000)) / 1000 == pytest.approx(alone)
    tens = 1.2 * 0.5e-6 + request / 10
    standing = SECONDS * a_second
    assert usd(stack, launches(1e9)) == pytest.approx(1e9 * tens + standing)
