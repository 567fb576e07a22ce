"""What a worker sets up once and all its trials use."""

from __future__ import annotations

from dataclasses import dataclass

from nasflow.data.bundle import DataBundle
from nasflow.data.protocol import Split
from nasflow.errors import SearchError
from nasflow.storage import Store, open_store
from nasflow.tasks import Task
from nasflow.tasks.loading import load_task
from nasflow.training.device import Device, open_device, settle
from nasflow.training.job import TrainingJob
from nasflow.training.samples import Samples


@dataclass(frozen=True)
class Bench:
    """A worker's place of work.

    Attributes:
        job: What its trials have in common.
        worker: Its number, from 0.
        device: Where it trains.
        bundle: The data.
        task: What is learned.
        store: Where checkpoints and results go.
        train: Training samples.
        val: Validation samples.
    """

    job: TrainingJob
    worker: int
    device: Device
    bundle: DataBundle
    task: Task
    store: Store
    train: Samples
    val: Samples

    @classmethod
    def open(cls, job: TrainingJob, worker: int = 0) -> Bench:
        """Set up a worker: this fixes threads and precision for the whole process.

        Raises:
            ConfigError: The device that is asked for is not there.
            SearchError: The device is of another kind than the job is for, so its results would go by a wrong name.
            IntegrityError: The prepared data are missing or of another length.
            PluginError: The task or the storage is unknown.
        """
        device = open_device(job.config.resources, worker)
        if job.device_kind not in ("", device.kind):
            raise SearchError(
                f"the search was planned for device kind '{job.device_kind}' and this machine trains on "
                f"'{device.kind}': run it where that device is, or let it be planned anew here."
            )
        settle(device, job.config.parallelism.threads)
        bundle = DataBundle.open(job.bundle, verify=False)
        splits: tuple[Split, Split] = ("train", "val")
        train, val = (Samples(bundle, split, device.torch_device) for split in splits)
        return cls(job, worker, device, bundle, load_task(job.config), open_store(job.store_url), train, val)
