"""Reading configurations from files, texts and mappings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nasflow.config import config_from, load_config, parse_config
from nasflow.errors import ConfigError

VALID = "name: digits\ndata: sklearn:digits\n"


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert len(caught.value.problems) == 1
    return str(caught.value).replace(f"{path.parent}{os.sep}", "").replace(str(path.parent), "HERE")


def test_file_text_and_mapping_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(VALID)
    by_text = parse_config(VALID, "s.yaml")
    assert load_config(path) == by_text
    assert load_config(str(path)) == by_text
    assert config_from({"name": "digits", "data": {"source": "sklearn:digits"}}) == by_text


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    assert load_config(path).name == "digits"


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text(VALID)
    assert refusal(tmp_path / "serach.yml") == "serach.yml: there is no such file. Did you mean 'search.yaml'?"
    assert refusal(tmp_path / "zzz.yaml") == "zzz.yaml: there is no such file."


def test_missing_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no" / "s.yaml") == "s.yaml: there is no such file. The folder 'HERE' does not exist."


def test_folder_for_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    assert refusal(folder) == "examples is a folder; name the YAML file in it."
    (folder / "b.yaml").write_text(VALID)
    assert refusal(folder) == "examples is a folder; name the YAML file in it, as in 'examples/b.yaml'."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "s.yaml: there is nothing in it; write one with 'nasflow new my-search'."),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "s.yaml is a binary file, not YAML."),
        (b"name: a\n# caf\xe9\n", "s.yaml, line 2: is not encoded in UTF-8; save the file as UTF-8."),
        (VALID.encode("utf-16"), "s.yaml is encoded in UTF-16; save it as UTF-8."),
        (b"#" * (1 << 21), "s.yaml has 2.1 MB; a search is described in a page or two of YAML."),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    assert refusal(path) == sentence


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / ("x" * 5000))
    with pytest.raises(ConfigError, match=r"is no name of a file|cannot be read"):
        load_config("a\0b")


def test_mappings_are_answered_without_file_and_line() -> None:
    with pytest.raises(ConfigError) as caught:
        config_from({"name": "digits", "data": "sklearn:digits", "budget": {"trials": 0}, "sed": 1})
    assert caught.value.problems == (
        "budget.trials must be at least 1, not 0.",
        "a search has no section 'sed'. Did you mean 'seed'?",
    )
    with pytest.raises(ConfigError, match="must be a mapping of sections, not a list"):
        config_from([])  # type: ignore[arg-type]


def test_one_broken_value_does_not_hide_other_problems() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(
            "name: digits\ndata: {source: sklearn:digits, size: x}\nstrategy: grdi\nfinal: {candidates: 99}\n", "s"
        )
    assert [p.split(":")[0] for p in caught.value.problems] == ["s, line 2", "s, line 3", "s, line 4"]


def test_what_depends_on_a_broken_value_is_not_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(VALID + "budget: {trials: many}\nfinal: {candidates: 99}\n", "s")
    assert caught.value.problems == ("s, line 3: budget.trials must be a whole number, not 'many'.",)


def test_the_mapping_given_is_not_changed() -> None:
    given = {"name": "Bad Name", "data": {"size": 3}, "strategy": "evolution"}
    with pytest.raises(ConfigError):
        config_from(given)
    assert given == {"name": "Bad Name", "data": {"size": 3}, "strategy": "evolution"}


@pytest.mark.parametrize(
    "data", ["data: [a, b]\n", "data: 3\n", "data:\n", "data: {source: 3}\n", "data: {source: ''}\n"]
)
def test_odd_data_sections_are_refused_on_their_line(data: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("name: digits\n" + data, "s")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("s, line 2: data")
