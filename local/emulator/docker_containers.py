"""Docker, as far as the emulator deals with it when ministack no longer does."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container


def remove_containers(label: str) -> None:
    """Remove all containers with this label at once; they get no time to end by themselves."""
    client = docker.from_env()
    with ThreadPoolExecutor(8) as pool:
        # Again, because one may have been on its way.
        while found := client.containers.list(all=True, sparse=True, filters={"label": label}):
            list(pool.map(_remove, found))


def _remove(container: Container) -> None:
    with contextlib.suppress(NotFound):
        try:
            container.remove(force=True, v=True)
        except APIError as error:
            if error.status_code != 409:  # ministack is removing it, too
                raise
