"""Lines and words of a YAML text, and what the parser refuses."""

from __future__ import annotations

import pytest

from nasflow.config.lines import Document, YamlError, dotted, read_yaml, value_at


def test_every_key_and_item_has_its_line() -> None:
    document = read_yaml("a: 1\nb:\n  c: [x, y]\n  d:\n    - e: 2\n    - f\n")
    assert document.data == {"a": 1, "b": {"c": ["x", "y"], "d": [{"e": 2}, "f"]}}
    assert document.lines == {
        ("a",): 1,
        ("b",): 2,
        ("b", "c"): 3,
        ("b", "c", 0): 3,
        ("b", "c", 1): 3,
        ("b", "d"): 4,
        ("b", "d", 0): 5,
        ("b", "d", 0, "e"): 5,
        ("b", "d", 1): 6,
    }


def test_a_path_that_is_not_written_has_the_line_of_what_is_around_it() -> None:
    document = read_yaml("a:\n  b: 1\n")
    assert document.line(("a", "b", "c", 3)) == 2
    assert document.line(("a", "x")) == 1
    assert document.line(("z",)) is None
    assert document.line(()) is None


def test_bare_words_are_kept_as_written() -> None:
    document = read_yaml("a: on\nb: 'on'\nc: 010\nd: 1e-3\n")
    assert document.data == {"a": True, "b": "on", "c": 8, "d": "1e-3"}
    assert document.raw == {("a",): "on", ("c",): "010", ("d",): "1e-3"}


def test_repeated_keys_are_faults_at_their_own_line() -> None:
    document = read_yaml("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert document.faults == [
        (2, "b.c is given twice, first on line 2; keep one."),
        (3, "a is given twice, first on line 1; keep one."),
    ]


def test_keys_that_are_no_text_are_faults_and_left_out() -> None:
    document = read_yaml("a: {1: x, no: y, [z]: 2, b: [{2: 3}]}\n".replace("[z]: 2, ", ""))
    assert document.data == {"a": {"b": [{}]}}
    assert [text for _, text in document.faults] == [
        "the key 1 is no text; put it in quotes.",
        "the key no is no text; put it in quotes.",
        "the key 2 is no text; put it in quotes.",
    ]


def test_anchors_and_merges_work() -> None:
    document = read_yaml("base: &b {x: 1}\nother:\n  <<: *b\n  y: 2\nsame: *b\n")
    assert document.data == {"base": {"x": 1}, "other": {"x": 1, "y": 2}, "same": {"x": 1}}
    assert document.line(("other", "x")) == 2 + 0
    assert document.faults == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x [*x]\n", 1, "refers to itself"),
        ("a: *x\n", 1, "an anchor that does not exist"),
        ('a: b\nc: "C:\\photos"\n', 2, "a backslash in double quotes"),
        ("a: @x\n", 1, "may not begin with @"),
        ("a: b\nc: \x07\n", 2, "the control character 0x07"),
        ("a: 2024-13-45\n", None, "cannot be read"),
        ("[" * 3000, None, "nested too deeply"),
        ("a: !!set {x}\nb: !x y\n", 2, "tags such as !name"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, line: int | None, words: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)
    assert caught.value.line == line
    assert words in caught.value.text


def test_a_text_that_stands_for_millions_of_values_is_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(YamlError, match="more than 20000 values"):
        read_yaml(bomb)


@pytest.mark.parametrize("text", ["", "   \n", "# words\n", "---\n"])
def test_nothing_is_none(text: str) -> None:
    assert read_yaml(text).data is None


def test_paths_are_shown_with_dots_and_brackets() -> None:
    assert dotted(("objectives", 1, "less_than")) == "objectives[1].less_than"
    assert dotted(("space", "choices", "stage2.width")) == "space.choices.stage2.width"
    assert dotted(()) == ""


def test_value_at_follows_keys_and_places() -> None:
    data = {"a": [{"b": 3}]}
    assert value_at(data, ("a", 0, "b")) == 3
    assert value_at(data, ()) is data
    for path in (("x",), ("a", 1), ("a", "b"), ("a", 0, "b", "c")):
        with pytest.raises((LookupError, TypeError)):
            value_at(data, path)


def test_a_document_of_plain_data_has_no_lines() -> None:
    assert Document({"a": 1}).line(("a",)) is None
