from __future__ import annotations

import pytest

from nasflow.errors import SpaceError
from nasflow.families.cell.text import cell_text, choice_name, parse_cell

TEXT = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"


def test_a_string_is_read_edge_by_edge() -> None:
    assert parse_cell(TEXT) == {
        "node1.from0": "avg_pool_3x3",
        "node2.from0": "nor_conv_1x1",
        "node2.from1": "skip_connect",
        "node3.from0": "nor_conv_3x3",
        "node3.from1": "none",
        "node3.from2": "skip_connect",
    }
    assert choice_name(1, 3) == "node3.from1"


def test_there_and_back() -> None:
    assert cell_text(parse_cell(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not of the form"),
        ("|none~0|", "not of the form"),
        (TEXT + "+|none~0|", "not of the form"),
        (TEXT.replace("~2", "~1"), "not of the form"),
        (TEXT.replace("+", ""), "not of the form"),
        (TEXT.replace("nor_conv_1x1", "nor_conv_1x2"), "Did you mean 'nor_conv_1x1'"),
    ],
)
def test_what_is_no_cell_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(SpaceError, match=complaint):
        parse_cell(text)
