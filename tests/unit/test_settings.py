"""Settings from the environment, and errors that name them."""

from __future__ import annotations

import pytest
from processing import settings
from processing.errors import BadSetting

from tests.support.in_process import OnBytes

PROCESSOR = OnBytes(lambda body, content_type: (body, content_type))


def test_an_empty_environment_has_the_defaults_of_the_template():
    environment = {"INPUT_PREFIX": "", "DISK": ""}
    assert settings.from_environment(environment, PROCESSOR) == settings.Settings(PROCESSOR)


def test_a_job_sees_what_is_meant_for_it_and_no_credentials():
    environment = {
        "PATH": "/bin",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/secret",
        "S3_KEY": "input/a",
        "MAX_PIXELS": "7",
        "JOB_ENVIRONMENT": "A=1,B=x=y,C=",
    }
    seen = settings.job_environment(environment)
    assert seen == {"PATH": "/bin", "MAX_PIXELS": "7", "A": "1", "B": "x=y", "C": ""}


def test_a_job_has_credentials_where_it_is_given_some():
    environment = {"AWS_SESSION_TOKEN": "token", "AWS_REGION": "r", "JOB_HAS_ROLE": "yes"}
    seen = settings.job_environment(environment)
    assert (seen["AWS_SESSION_TOKEN"], seen["AWS_REGION"]) == ("token", "r")


def test_the_time_for_an_upload_is_unlimited_unless_it_is_set():
    assert settings.from_environment({}, PROCESSOR).max_seconds is None
    assert settings.from_environment({"MAX_SECONDS": "900"}, PROCESSOR).max_seconds == 900


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"COMMAND": "x 'y"}, "COMMAND is .*No closing quotation"),
        ({"COMMAND": "  "}, "a program and its arguments"),
        ({"JOB_ENVIRONMENT": "A=1,B"}, "JOB_ENVIRONMENT is 'A=1,B'; it must be NAME=value"),
        ({"JOB_ENVIRONMENT": "1A=1"}, "JOB_ENVIRONMENT"),
        ({"PROCESSOR": "processing.maze"}, "package.module:function"),
        ({"PROCESSOR": ":solve"}, "package.module:function"),
        ({"MAX_BYTES": "0"}, "MAX_BYTES is '0'; it must be a whole number of at least 1"),
        ({"MAX_BYTES": "-1"}, "MAX_BYTES"),
        ({"MEMORY_ERROR": "ignore"}, "MEMORY_ERROR is 'ignore'; it must be reject or fail"),
        ({"MAX_PIXELS": "many"}, "MAX_PIXELS is 'many'"),
        ({"MAX_SECONDS": "0"}, "MAX_SECONDS is '0'; it must be a whole number of at least 1"),
        ({"JOB_ENVIRONMENT": "MAX_PIXELS=²"}, "MAX_PIXELS"),
        (
            {"INPUT_PREFIX": "input"},
            "INPUT_PREFIX is 'input'; it must be a prefix that ends with /",
        ),
        ({"OUTPUT_PREFIX": "input/"}, "apart from"),
        ({"OUTPUT_PREFIX": "input/solved/"}, "INPUT_PREFIX is 'input/'; .* apart from OUTPUT"),
        ({"INPUT_PREFIX": "rejected/again/"}, "REJECTED_PREFIX"),
    ],
)
def test_a_bad_setting_is_named_with_its_value(environment, names):
    with pytest.raises(BadSetting, match=names):
        settings.from_environment(environment)
