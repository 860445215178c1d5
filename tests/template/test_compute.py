"""The function and the task: how they run, what they are told, where they log."""

from __future__ import annotations

from typing import Any

from tests.support.cases import in_turn
from tests.template.synthesis import CHOICES, FARGATE, SOURCE, accepts, synthesize

every_choice = in_turn("choice", CHOICES.values())

JOB_PARAMETERS = {
    "JobVersion": "2026-12",
    "Processor": "processing.thumbnail:thumbnail",
    "InputPrefix": "a/",
    "OutputPrefix": "b/",
    "RejectedPrefix": "c/",
    "FilesPrefix": "d/",
    "Command": "ffmpeg -i {input} '{output}/a b.png'",
    "OutputSuffix": ".png",
    "JobEnvironment": "A=1,B=2",
    "MaxBytes": "12",
}
JOB_ENVIRONMENT = {
    "JOB_VERSION": "2026-12",
    "PROCESSOR": "processing.thumbnail:thumbnail",
    "INPUT_PREFIX": "a/",
    "OUTPUT_PREFIX": "b/",
    "REJECTED_PREFIX": "c/",
    "FILES_PREFIX": "d/",
    "COMMAND": "ffmpeg -i {input} '{output}/a b.png'",
    "OUTPUT_SUFFIX": ".png",
    "JOB_ENVIRONMENT": "A=1,B=2",
    "JOB_HAS_ROLE": "no",
    "DISK": "/tmp",
    "MAX_BYTES": "12",
}


def function(**parameters: str) -> dict[str, Any]:
    return synthesize(parameters)["ProcessFunction"]


def container(**parameters: str) -> dict[str, Any]:
    definitions = synthesize({**FARGATE, **parameters})["TaskDefinition"]["ContainerDefinitions"]
    (worker,) = definitions
    return dict(worker)


def environment(worker: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in worker["Environment"]}


def test_both_engines_tell_the_job_the_same() -> None:
    told = function(**JOB_PARAMETERS)["Environment"]["Variables"]
    assert told.items() >= {**JOB_ENVIRONMENT, "MODE": "lambda", "AWS_ENDPOINT_URL_S3": ""}.items()
    told = environment(container(**JOB_PARAMETERS))
    assert told.items() >= {**JOB_ENVIRONMENT, "MODE": "fargate"}.items()


@in_turn("word", ["", "1", "2026-12-24", "v1.2_rc", "a" * 64])
def test_a_version_of_the_job_is_any_word_that_a_tag_can_have(word: str) -> None:
    assert accepts("JobVersion", word)


@in_turn("word", ["a b", "a/b", "a:b", "\u00e9", "a" * 65, "a+b"])
def test_another_version_is_refused(word: str) -> None:
    assert not accepts("JobVersion", word)


def test_a_job_knows_its_memory_and_can_reject_a_picture_that_needs_more() -> None:
    function_ = function(FunctionMemory="3000")
    assert function_["MemorySize"] == "3000"
    assert function_["Environment"]["Variables"]["MEMORY_MIB"] == "3000"
    assert environment(container(TaskSize="1024/4096"))["MEMORY_MIB"] == "4096"


def test_a_task_knows_its_time_and_a_function_has_lambdas() -> None:
    assert environment(container(TaskTimeout="60"))["MAX_SECONDS"] == "60"
    assert environment(container())["MAX_SECONDS"] == "900"
    assert "MAX_SECONDS" not in function()["Environment"]["Variables"]


def test_bucket_and_key_come_from_the_event_only() -> None:
    assert not {"S3_BUCKET", "S3_KEY"} & environment(container()).keys()


def test_the_function_runs_the_layer_on_python_3_13() -> None:
    stack = synthesize()
    (layer,) = stack.of_type("AWS::Lambda::LayerVersion")
    runs = function()
    assert runs["Runtime"] == "python3.13"
    assert runs["Layers"] == [f"<{layer}>"]
    assert stack[layer]["CompatibleRuntimes"] == ["python3.13"]


def test_two_stacks_have_two_layers() -> None:
    assert synthesize().only("AWS::Lambda::LayerVersion")["LayerName"] == "mazes"


def test_the_layer_is_built_by_its_own_makefile() -> None:
    layer = SOURCE["Resources"]["ProcessingLayer"]
    assert layer["Metadata"]["BuildMethod"] == "makefile"
    assert layer["Properties"]["ContentUri"] == "worker/"


def test_the_function_has_the_memory_and_time_that_were_asked_for() -> None:
    runs = function(FunctionMemory="3008", FunctionTimeout="900")
    assert (runs["MemorySize"], runs["Timeout"]) == ("3008", "900")


def test_the_function_may_run_as_often_at_once_as_the_account_allows() -> None:
    assert "ReservedConcurrentExecutions" not in function()


def test_the_task_is_a_linux_x86_task_of_fargate() -> None:
    task = synthesize(FARGATE, TaskSize="2048/4096")["TaskDefinition"]
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert task["NetworkMode"] == "awsvpc"
    assert (task["Cpu"], task["Memory"]) == ("2048", "4096")
    assert task["RuntimePlatform"] == {
        "OperatingSystemFamily": "LINUX",
        "CpuArchitecture": "X86_64",
    }
    assert task["TaskRoleArn"] == "<TaskRole.Arn>"
    assert task["ExecutionRoleArn"] == "<ExecutionRole.Arn>"


def test_the_container_runs_the_image_that_was_given() -> None:
    worker = container(WorkerImageUri="registry.example/mine@sha256:00")
    assert worker["Image"] == "registry.example/mine@sha256:00"
    assert worker["Name"] == "worker"
    assert "Command" not in worker
    assert "EntryPoint" not in worker


def test_the_container_has_no_rights_that_it_does_not_need() -> None:
    worker = container()
    assert worker["User"] == "65532:65532"
    assert worker["ReadonlyRootFilesystem"] is True
    assert worker["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert not {"Privileged", "Secrets", "PortMappings"} & worker.keys()


def test_the_worker_is_process_1_and_has_time_to_end() -> None:
    """Nothing beside it has its environment, and no job can end it."""
    worker = container()
    assert worker["LinuxParameters"]["InitProcessEnabled"] is False
    assert worker["StopTimeout"] == 120


def test_the_one_folder_that_a_task_can_write_is_a_volume() -> None:
    stack = synthesize(FARGATE)["TaskDefinition"]
    assert stack["Volumes"] == [{"Name": "disk"}]
    mounted = {"SourceVolume": "disk", "ContainerPath": "/tmp", "ReadOnly": False}
    assert container()["MountPoints"] == [mounted]


@in_turn("size", ["1", "2", "5", "10", "20", "30", "50", "100", "200"])
def test_the_disk_is_as_large_as_it_was_asked_for(size: str) -> None:
    assert accepts("DiskGiB", size)
    largest = min(int(size), 10) * 1024
    assert function(DiskGiB=size)["EphemeralStorage"] == {"Size": largest}
    task = synthesize(FARGATE, DiskGiB=size)["TaskDefinition"].get("EphemeralStorage")
    assert task == ({"SizeInGiB": size} if int(size) > 20 else None)


ARNS = "arn:aws:iam::aws:policy/AmazonTextractFullAccess,arn:aws:iam::111122223333:policy/mine"


@in_turn("key", ["", "arn:aws:kms:eu-west-1:111122223333:key/k"])
def test_policies_for_the_job_are_added_to_both_engines(key: str) -> None:
    expected = ["<JobPolicy>", *(["<KeyPolicy>"] if key else []), *ARNS.split(",")]
    for mode, role in (("lambda", "ProcessFunctionRole"), ("fargate", "TaskRole")):
        choice = {**FARGATE, "Mode": mode, "KmsKeyArn": key, "JobPolicyArns": ARNS}
        stack = synthesize(choice)
        assert stack[role]["ManagedPolicyArns"] == expected, mode
    assert environment(container(JobPolicyArns=ARNS))["JOB_HAS_ROLE"] == "yes"
    assert function(JobPolicyArns=ARNS)["Environment"]["Variables"]["JOB_HAS_ROLE"] == "yes"


@in_turn("value", ["", "A=1", "A=,B=x=y z", f"A={'x' * 2000}"])
def test_an_environment_of_the_job_is_accepted(value: str) -> None:
    assert accepts("JobEnvironment", value)


@in_turn("value", ["A", "A=1,", "1A=1", "A=1,B", f"A={'x' * 2100}"])
def test_another_environment_is_refused(value: str) -> None:
    assert not accepts("JobEnvironment", value)


@in_turn("value", ["", ".png", ".tar.gz"])
def test_a_suffix_is_accepted(value: str) -> None:
    assert accepts("OutputSuffix", value)


@in_turn("value", ["png", "./x", ".", ".a b"])
def test_another_suffix_is_refused(value: str) -> None:
    assert not accepts("OutputSuffix", value)


@every_choice
def test_every_engine_logs_to_a_group_with_retention(choice: dict[str, str]) -> None:
    stack = synthesize(choice, LogRetentionDays="7")
    groups = stack.of_type("AWS::Logs::LogGroup")
    assert {group["RetentionInDays"] for group in groups.values()} == {"7"}
    for name, runs in stack.of_type("AWS::Lambda::Function").items():
        group = "<ResourcesLogGroup>" if name == "ResourcesFunction" else "<JobLogGroup>"
        assert runs["LoggingConfig"] == {"LogGroup": group, "LogFormat": "JSON"}
    for task in stack.of_type("AWS::ECS::TaskDefinition").values():
        for worker in task["ContainerDefinitions"]:
            assert worker["LogConfiguration"] == {
                "LogDriver": "awslogs",
                "Options": {
                    "awslogs-group": "<JobLogGroup>",
                    "awslogs-region": "xx-test-9",
                    "awslogs-stream-prefix": "task",
                },
            }


@every_choice
def test_every_function_has_a_role_of_its_own_stack(choice: dict[str, str]) -> None:
    stack = synthesize(choice)
    roles = {f"<{name}.Arn>" for name in stack.of_type("AWS::IAM::Role")}
    for runs in stack.of_type("AWS::Lambda::Function").values():
        assert runs["Role"] in roles


@in_turn("choice", [each for each in CHOICES.values() if each.get("Mode")])
def test_the_cluster_waits_for_the_role_of_ecs_whose_making_has_time(
    choice: dict[str, str],
) -> None:
    """In an account that has no such role, a cluster can't be made."""
    stack = synthesize(choice)
    assert "EcsServiceRole" in stack.dependencies["Cluster"]
    assert stack["EcsServiceRole"]["ServiceToken"] == "<ResourcesFunction.Arn>"
    assert stack["EcsServiceRole"]["ServiceTimeout"] > stack["ResourcesFunction"]["Timeout"]
    assert not stack.of_type("AWS::IAM::ServiceLinkedRole")
