"""Settings from the environment, and errors that name them."""

from __future__ import annotations

import pytest
from processing import maze, settings
from processing.errors import BadSetting


def test_an_empty_environment_has_the_defaults_of_the_template():
    chosen = settings.from_environment({"INPUT_PREFIX": "", "MAX_PIXELS": ""})
    assert chosen == settings.Settings(processor=maze.solve)


def test_the_processor_gets_the_limit_of_pixels_when_it_takes_one():
    chosen = settings.from_environment({"MAX_PIXELS": "7"})
    assert chosen.processor.keywords == {"max_pixels": 7}


def test_a_processor_without_a_limit_is_taken_as_it_is():
    environment = {"MAX_PIXELS": "7", "PROCESSOR": "os.path:join"}
    assert settings.from_environment(environment).processor("a", "b") == "a/b"


def test_the_time_for_an_upload_is_unlimited_unless_it_is_set():
    assert settings.from_environment({}).max_seconds is None
    assert settings.from_environment({"MAX_SECONDS": "900"}).max_seconds == 900


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"PROCESSOR": "processing.maze:nothing"}, "PROCESSOR is 'processing.maze:nothing'"),
        ({"PROCESSOR": "no_such_package:solve"}, "no_such_package"),
        ({"PROCESSOR": "processing.maze"}, "package.module:function"),
        ({"PROCESSOR": ":solve"}, "package.module:function"),
        ({"MAX_BYTES": "0"}, "MAX_BYTES is '0'; it must be a whole number of at least 1"),
        ({"MAX_BYTES": "-1"}, "MAX_BYTES"),
        ({"MEMORY_ERROR": "ignore"}, "MEMORY_ERROR is 'ignore'; it must be reject or fail"),
        ({"MAX_PIXELS": "many"}, "MAX_PIXELS is 'many'"),
        ({"MAX_SECONDS": "0"}, "MAX_SECONDS is '0'; it must be a whole number of at least 1"),
        ({"MAX_PIXELS": "²"}, "MAX_PIXELS"),
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
