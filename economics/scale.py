"""The scenarios of docs/ARCHITECTURE.md, and what the model says of one."""

from __future__ import annotations

from .bill import events, s3_requests
from .documents import duration, short
from .figures import PRICES, limits, read
from .model import Model
from .scenario import Scenario
from .stack import Stack
from .work import Job, Work


def scenarios(job: Job) -> dict[str, Scenario]:
    """Those of scenarios.toml."""
    found = {}
    for name, each in read("scenarios").items():
        stack, other = Stack(**each.pop("stack")), limits(**each.pop("limits", {}))
        found[name] = Scenario(stack, job, limits=other, **each)
    return found


def title(name: str, scenario: Scenario) -> str:
    """What is simulated, in a line."""
    stack = scenario.stack
    steady = f"at {scenario.rate:g} a second"
    how = {"burst": "at once", "steady": steady, "day": "over a day, most at noon"}
    said = [f"{name}: {scenario.uploads:,} uploads {how[scenario.arrivals]}", f"Mode={stack.mode}"]
    said += [f"MaxTasks={stack.max_tasks}"] * bool(stack.max_tasks)
    said += [f"{scenario.limits['vcpus']:,.0f} vCPUs"] * (stack.mode != "lambda")
    said += ["no retries"] * (not scenario.retries_throttled)
    return ", ".join(said)


def result(model: Model) -> dict[str, str]:
    """What one run says, in words that fit a table, by the heads of its columns."""
    waited, uploads = sorted(model.waited), model.scenario.uploads

    def within(share: float) -> str:
        needed = share * uploads
        return duration(waited[int(needed) - 1]) if needed <= len(waited) else "never"

    last, dead = duration(model.ended), f"{model.dead_letters:,}"
    if model.left:
        last = f"{model.left:,} without one after {model.scenario.days:g} days"
    if model.dead_letters:
        dead += f", reported within {duration(model.reported_after)}"
    busy = {"functions": model.functions.most, "tasks": model.tasks.most}
    return {
        "last output": last,
        "half within": within(0.5),
        "99 % within": within(0.99),
        "most waiting": f"{model.most_waiting:,}",
        "most running": ", ".join(f"{most:,} {what}" for what, most in busy.items() if most),
        "refused": short(model.refusals.total()),
        "dead letters": dead,
        "swept": f"{model.swept:,}",
        "USD": f"{usd(model):,.2f}",
        "limit met first": next(iter(model.refusals), "none"),
        "limit that holds back longest": longest(model),
    }


def usd(model: Model) -> float:
    """Of these uploads: engines, requests and events; neither storage nor what stands idle."""
    stack, uploads = model.scenario.stack, model.uploaded
    work = Work(uploads, model.scenario.sizes, model.scenario.job)
    return float(
        model.tasks.seconds * stack.task_second
        + model.functions.seconds * stack.function_second
        + model.functions.invocations * PRICES["lambda"]["request"]
        + s3_requests(stack, work)
        + events(stack, uploads)
    )


def longest(model: Model) -> str:
    """The limit that uploads waited for longest, all together; another may say no more often."""
    if not (total := sum(model.held.values())):
        return "none"
    name = max(model.held, key=lambda name: model.held[name])
    return f"{name} ({100 * model.held[name] / total:.0f} %)"
