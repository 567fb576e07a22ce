"""One step of the pipeline in a container, run to its end.

kfp 2.17's own way of it takes a container that was killed and removed at once for one that succeeded, stops at a
character that two packets share, and gives every step the same limits. So that part of its DockerRunner is this one.
"""

from __future__ import annotations

import codecs
import json
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasflow.engine.steps import ERROR_FILE
from nasflow.pipelines.docker.daemon import cause
from nasflow.pipelines.docker.settings import ContainerSettings

_FUNCTION = "--function_to_execute"
_SIGNALLED = 128
_CLOCK_SECONDS = 2


@dataclass(frozen=True)
class Ended:
    """How a container ended.

    Attributes:
        code: Its exit status.
        out_of_memory: Whether the system ended a process in it because its memory was used up.
    """

    code: int
    out_of_memory: bool = False


def docker_runner(settings: ContainerSettings, variables: Mapping[str, str]) -> Any:
    """Return kfp's DockerRunner with the containers of a run, which are started and awaited as here.

    Args:
        settings: How they are made.
        variables: The environment of this process.

    Raises:
        DockerException: The daemon does not answer.
    """
    import docker
    from kfp import local
    from kfp.local import docker_task_handler

    client = docker.from_env()
    try:
        arguments = settings.arguments(client.info(), variables)
    finally:
        client.close()
    docker_task_handler.run_docker_container = StepContainers(settings).run
    return local.DockerRunner(**arguments)


class StepContainers:
    """Runs steps in containers.

    Args:
        settings: How they are made.
    """

    def __init__(self, settings: ContainerSettings) -> None:
        self._settings = settings

    def run(self, client: Any, image: str, command: Sequence[str], volumes: Mapping[str, Any], **arguments: Any) -> int:
        """Run one step, print what it prints, and return its exit status.

        A step that was ended from outside leaves the sentence that tells so in the pipeline's folder.

        Args:
            client: docker's client.
            image: Name of the image.
            command: The step's command.
            volumes: What kfp mounts.
            arguments: Further arguments of `containers.create`.
        """
        from docker.errors import DockerException

        step = step_of(command)
        arguments = arguments | self._settings.limited(step)
        arguments["environment"] = dict(arguments.get("environment", {})) | self._settings.cores(step)
        try:
            ended = _run(client, image, list(command), volumes=dict(volumes), auto_remove=True, **arguments)
        except (DockerException, OSError) as error:
            self._tell(f"the container of step '{step}' cannot be run: {cause(error)}.")
            return 1
        if ended.out_of_memory and ended.code:
            self._tell(
                f"the container of step '{step}' used up its memory; raise resources.memory_gib (or that of "
                f"resources.steps.{step}), and run the same command again to go on."
            )
        elif ended.code > _SIGNALLED:
            self._tell(
                f"the container of step '{step}' was ended by {_signal(ended.code - _SIGNALLED)}; run the same command "
                "again to go on."
            )
        return ended.code

    def _tell(self, sentence: str) -> None:
        """Leave a sentence for the command, unless the step has left its own."""
        file = Path(self._settings.folder, ERROR_FILE)
        if not file.exists():
            file.write_text(json.dumps({"message": sentence, "exit_code": 1}))


def step_of(command: Sequence[str]) -> str:
    """Return the name of the step that a command runs."""
    return command[list(command).index(_FUNCTION) + 1]


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield whole lines of a stream that comes in pieces, which may cut characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from lines
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _run(client: Any, image: str, command: list[str], **arguments: Any) -> Ended:
    """Run a container to its end; it goes with this call, however that ends."""
    from docker.errors import DockerException

    container = client.containers.create(image, command, **arguments)
    over = False
    try:
        filters = {"container": container.id, "event": ["die", "oom"]}
        # From before it starts: a container that ends at once, and is removed, tells of its end all the same.
        events = client.events(since=int(time.time()) - _CLOCK_SECONDS, filters=filters, decode=True)
        output = container.attach(stream=True, logs=True)
        container.start()
        for line in lines_of(output):
            print(line, flush=True)  # noqa: T201 - kfp.local prints what its tasks print
        ended = _end(events)
        over = True
        return ended
    finally:
        if not over:
            with suppress(DockerException):
                container.remove(force=True, v=True)


def _end(events: Iterable[Mapping[str, Any]]) -> Ended:
    """Wait for the event that tells how a container ended.

    Raises:
        ConnectionError: The daemon stopped telling.
    """
    out_of_memory = False
    for event in events:
        if event["Action"] == "die":
            return Ended(int(event["Actor"]["Attributes"]["exitCode"]), out_of_memory)
        out_of_memory |= event["Action"] == "oom"
    raise ConnectionError("the Docker daemon has stopped")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
