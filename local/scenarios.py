"""The ways an upload can take, and the parameters of the template that choose them."""

from __future__ import annotations

SCENARIOS: dict[str, dict[str, str]] = {
    "lambda": {"Mode": "lambda"},
    "fargate": {"Mode": "fargate"},
    "cloudtrail": {"Mode": "fargate", "EventSource": "cloudtrail"},
    "hybrid": {"Mode": "hybrid", "HybridThresholdMiB": "1"},
}
ONE_OF_EACH_MODE = ["lambda", "fargate", "hybrid"]
"""For what has nothing to do with how an event came."""

OWN_BUCKET = "own-bucket"
"""Not another way, but another bucket: only the demo has it."""
OF_THE_DEMO = SCENARIOS | {OWN_BUCKET: {"Mode": "fargate", "BucketName": "a-bucket-of-yours"}}
