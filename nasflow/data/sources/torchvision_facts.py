"""What is known of torchvision's data sets without downloading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_DIGITS = tuple("0123456789")
_FASHION = "T-shirt/top|Trouser|Pullover|Dress|Coat|Sandal|Shirt|Sneaker|Bag|Ankle boot"
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_STL10 = "airplane bird car cat deer dog horse monkey ship truck"
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
wolf woman worm
"""


@dataclass(frozen=True)
class Known:
    """A data set as its authors published it.

    Attributes:
        classes: Names of the classes, in the order of their labels.
        train: Training images of each class.
        test: Test images of each class.
        channels: 1 (grey) or 3 (RGB).
        size: Height and width in pixels.
        split_option: How torchvision's class is told the split: `train=True` or `split="train"`.
        folder: Where below its root the class looks for its files.
        files: What is put there by hand where there is no network; torchvision unpacks it.
        labels: The files of labels in IDX format, of train and test, where torchvision knows no checksum of what it
            reads; empty where it reads verified files alone.
    """

    classes: tuple[str, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]
    channels: int
    size: int
    split_option: str
    folder: str
    files: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Images of each class in both splits."""
        return tuple(map(sum, zip(self.train, self.test, strict=True)))


def _idx(name: str, classes: tuple[str, ...], train: tuple[int, ...], test: tuple[int, ...]) -> Known:
    parts = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = tuple(f"{part}-ubyte.gz" for part in parts)
    labels = ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte")
    return Known(classes, train, test, 1, 28, "train", f"{name}/raw", files, labels)


def _even(classes: tuple[str, ...], train: int, test: int, *, size: int, option: str, file: str) -> Known:
    count = len(classes)
    return Known(classes, (train,) * count, (test,) * count, 3, size, option, "", (file,))


KNOWN: Mapping[str, Known] = {
    # Krizhevsky, Learning multiple layers of features from tiny images, 2009
    "CIFAR10": _even(tuple(_CIFAR10.split()), 5000, 1000, size=32, option="train", file="cifar-10-python.tar.gz"),
    "CIFAR100": _even(tuple(_CIFAR100.split()), 500, 100, size=32, option="train", file="cifar-100-python.tar.gz"),
    # LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998
    "MNIST": _idx(
        "MNIST",
        _DIGITS,
        (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    # Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017
    "FashionMNIST": _idx("FashionMNIST", tuple(_FASHION.split("|")), (6000,) * 10, (1000,) * 10),
    # Netzer et al., Reading digits in natural images with unsupervised feature learning, 2011; format 2, cropped digits
    "SVHN": Known(
        _DIGITS,
        (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
        (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
        3,
        32,
        "split",
        "",
        ("train_32x32.mat", "test_32x32.mat"),
    ),
    # Coates, Ng and Lee, An analysis of single-layer networks in unsupervised feature learning, AISTATS 2011
    "STL10": _even(tuple(_STL10.split()), 500, 800, size=96, option="split", file="stl10_binary.tar.gz"),
}
"""The labelled data sets by the names of torchvision's classes."""
