"""The winner's answers on the test samples: which classes it mistakes for which, and what it gets most wrong."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from nasflow.data.bundle import DataBundle
from nasflow.delivery.report.parts import Answers, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORST = 18
"""Pictures in a report: three rows on a wide screen."""

_EXACT, _SIDE = 48, 112
"""Images up to this size in pixels are kept pixel by pixel; larger ones are reduced to this one."""


def answered(bundle: DataBundle, probabilities: NDArray[np.float32], confusion: NDArray[np.int64]) -> Answers:
    """Return what a report says of the winner's answers.

    Args:
        bundle: The data.
        probabilities: For the test samples, float32 (N, classes).
        confusion: Samples by true class (row) and answered class, int64 (classes, classes).
    """
    import numpy as np

    targets = bundle.targets("test")
    given = probabilities[np.arange(len(targets)), targets]
    order = np.argsort(given, kind="stable")[:WORST]
    images, names = bundle.images("test"), bundle.names("test")
    worst = []
    for at in order.tolist():
        answer = int(probabilities[at].argmax())
        worst.append(
            Sample(
                names[at],
                picture(np.asarray(images[at])),
                bundle.classes[int(targets[at])],
                bundle.classes[answer],
                float(given[at]),
                float(probabilities[at, answer]),
            )
        )
    cells = tuple((int(t), int(a), int(confusion[t, a])) for t, a in np.argwhere(confusion))
    wrong = int(confusion.sum() - np.trace(confusion))
    return Answers(cells, tuple(worst), wrong, len(targets))


def picture(image: NDArray[np.uint8]) -> str:
    """Return an image as a data URI: PNG where it is small, else a JPEG thumbnail, which is a tenth of that size.

    Args:
        image: uint8 (height, width, channels), 1 or 3 channels.
    """
    from PIL import Image

    shown = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    content = io.BytesIO()
    if max(shown.size) <= _EXACT:
        shown.save(content, "PNG", optimize=True)
        kind = "png"
    else:
        shown.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        shown.save(content, "JPEG", quality=85)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
