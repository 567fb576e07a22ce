from torch import nn

from nasflow import choose, family


@family
class Tiny(nn.Module):
    """A few convolutions."""

    def __init__(self, io):
        super().__init__()
        width = choose("width", 16, 32, 48)
        layers = [nn.Conv2d(io.channels, width, 3, padding=1), nn.ReLU()]
        for i in range(choose("depth", 1, 2, 3)):
            kernel = choose(f"kernel{i}", 3, 5)
            layers += [nn.Conv2d(width, width, kernel, padding="same"), nn.BatchNorm2d(width), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, io.outputs))

    def forward(self, x):
        return self.net(x)
