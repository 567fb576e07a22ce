"""One trial the plain way, as a script for one network would train it: a process, ImageFolder and a DataLoader.

    python benchmarks/plain_trial.py TRIAL.json

The file names the network (family and form), the image folder, the files to train on and to validate on, the epochs and
the seed. The last line printed is the validation accuracy. Nothing of nasflow is used but its networks, with torch's
own modules in place of those that nasflow has for training on a CPU: the recipe is spelled out with torch's and
torchvision's own parts, and is the same as nasflow's default with flips.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from nasflow.families import layers
from nasflow.families.depthwise import DepthwiseConv
from nasflow.spaces import NetworkIO, load_family

BATCH = 128
LOADERS = 2
PEAK = 0.1


def loader(task: dict[str, object], split: str, transform: transforms.Compose) -> DataLoader[tuple[torch.Tensor, int]]:
    """Return the loader of the files of a split."""
    folder = Path(str(task["folder"]))
    files = ImageFolder(str(folder), transform)
    wanted = set(task[split])  # type: ignore[call-overload]  # a list of names
    places = [i for i, (path, _) in enumerate(files.samples) if str(Path(path).relative_to(folder)) in wanted]
    training = split == "train"
    return DataLoader(Subset(files, places), BATCH, shuffle=training, num_workers=LOADERS, drop_last=training)


def use_ordinary_modules() -> None:
    """Give the networks the depthwise convolution and the global average that a script would have."""
    DepthwiseConv.forward = nn.Conv2d.forward  # type: ignore[method-assign, assignment]
    layers.channel_means = lambda x: x.mean((2, 3))


def main(task: dict[str, object]) -> float:
    """Train a network and return its accuracy on validation."""
    torch.manual_seed(int(str(task["seed"])))
    size, epochs = int(str(task["size"])), int(str(task["epochs"]))
    normal = transforms.Compose([transforms.ToTensor(), transforms.Normalize(task["mean"], task["std"])])
    changed = transforms.Compose(
        [transforms.RandomCrop(size, size // 8, padding_mode="reflect"), transforms.RandomHorizontalFlip(), normal]
    )
    train, val = loader(task, "train", changed), loader(task, "val", normal)
    io = NetworkIO(3, size, int(str(task["outputs"])))
    network = load_family(str(task["family"])).build(task["form"], io)  # type: ignore[arg-type]
    decayed = [p for p in network.parameters() if p.ndim >= 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=PEAK, momentum=0.9, nesterov=True)
    schedule = OneCycleLR(optimizer, PEAK, total_steps=epochs * len(train), cycle_momentum=False)
    loss_of = nn.CrossEntropyLoss()
    accuracy = 0.0
    for _ in range(epochs):
        network.train()
        for images, targets in train:
            optimizer.zero_grad()
            loss_of(network(images), targets).backward()
            optimizer.step()
            schedule.step()
        network.eval()
        right = total = 0
        with torch.no_grad():
            for images, targets in val:
                right += int((network(images).argmax(1) == targets).sum())
                total += len(targets)
        accuracy = right / total
    return accuracy


if __name__ == "__main__":
    use_ordinary_modules()
    print(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
