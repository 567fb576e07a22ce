"""Each mistake in a list of layers gets one sentence, which names the field, the rule and the nearest valid choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.config.loading import load_config
from nasflow.errors import ConfigError


def complaints(tmp_path: Path, options: str) -> list[str]:
    path = tmp_path / "search.yaml"
    path.write_text(f"name: x\ndata: sklearn:digits\nspace: {{family: layers, options: {options}}}\n")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    return [text.split("line 3: ")[1] for text in raised.value.problems]


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (
            "{convv: 16}",
            "[0]: 'convv' is no layer; there are conv, separable, pool, global_pool, dropout, linear, repeat, choose. "
            "Did you mean 'conv'?",
        ),
        (
            "{conv: {width: 16, kernal: 3}}",
            "[0]: conv has no setting 'kernal'; it has width, kernel, stride, activation, residual. "
            "Did you mean 'kernel'?",
        ),
        ("{conv: {kernel: 3}}", "[0]: conv needs width: a whole number from 1 to 4096, or a list of such."),
        ("{conv: {width: 8, kernel: 4}}", "[0]: conv.kernel must be an odd number from 1 to 15, not 4."),
        ("{conv: {width: 8, stride: 3}}", "[0]: conv.stride must be one of 1, 2, 4, not 3."),
        ("{conv: {width: 8, residual: 1}}", "[0]: conv.residual must be true or false, not 1."),
        ("{conv: [16, x]}", "[0]: conv.width must be a whole number from 1 to 4096, not 'x'."),
        ("{conv: true}", "[0]: conv.width must be a whole number from 1 to 4096, not true."),
        (
            "{linear: {width: 16, activation: rellu}}",
            "[0]: linear.activation must be one of relu, silu, gelu, tanh, sigmoid, not 'rellu'. Did you mean 'relu'?",
        ),
        ("{conv: [16, 16]}", "[0]: conv.width lists a value twice: [16, 16]."),
        ("{conv: []}", "[0]: conv.width is an empty list; offer at least one value."),
        ("conv", "[0] must be a mapping from a layer's name to its settings, as in `conv: …`, not 'conv'."),
        ("{}", "[0] must be a mapping from a layer's name to its settings, not {}."),
        ("{conv: 16, pool: max}", "[0]: holds 'conv' and 'pool'; each layer is an entry of the list on its own."),
        ("{conv: 16, nam: a}", "[0]: 'nam' does not belong beside 'conv'. Did you mean 'name'?"),
        ("{conv: 16, name: a.b}", "[0]: name must be a word of letters, digits, '_' and '-', not 'a.b'."),
        ("{dropout: 1.0}", "[0]: dropout.share must be a share from 0 to below 1, not 1.0."),
        ("{dropout: }", "[0]: dropout.share must be a share from 0 to below 1, not nothing."),
        ("{repeat: 3}", "[0]: repeat needs `layers` beside it: the list of what is repeated."),
        (
            "{repeat: [1, -1], layers: [{conv: 8}]}",
            "[0]: repeat must be a whole number from 0 to 32, or a list of such, not [1, -1].",
        ),
        ("{repeat: [1, 1], layers: [{conv: 8}]}", "[0]: repeat lists a value twice: [1, 1]."),
        ("{repeat: 2, vary: maybe, layers: [{conv: 8}]}", "[0]: vary must be true or false, not 'maybe'."),
        ("{repeat: 2, layers: []}", "[0]: layers must be a list of layers, not []."),
        (
            "{repeat: 2, layers: [{conv: 8}, {pool: maxx}]}",
            "[0]: layers[1]: pool.kind must be one of max, average, not 'maxx'. Did you mean 'max'?",
        ),
        ("{repeat: 2, layers: [conv]}", "[0]: layers[0] must be a mapping from a layer's name to its settings, as in"),
        ("{choose: [a]}", "[0]: choose must be a mapping from names to lists of layers, not ['a']."),
        ("{choose: {a: 3}}", "[0]: choose.a must be a list of layers, not 3."),
        ("{choose: {a.b: []}}", "[0]: name must be a word of letters, digits, '_' and '-', not 'a.b'."),
        ("{choose: {a: [{conv: 0}]}}", "[0]: choose.a[0]: conv.width must be a whole number from 1 to 4096, not 0."),
        ("{conv: 8, name: a}, {conv: 8, name: a}", ": two layers are called 'a'; give each its own name."),
        (
            "{repeat: 32, layers: [{repeat: 7, layers: [{conv: 8}]}]}",
            ": the deepest network has 224 layers, and may have 200; repeat less.",
        ),
        ("", " needs at least one layer."),
    ],
)
def test_one_sentence_for_a_wrong_layer(tmp_path: Path, layer: str, sentence: str) -> None:
    (found,) = complaints(tmp_path, f"{{layers: [{layer}]}}")
    assert found.startswith(f"space.options.layers{sentence}")
    assert found.endswith((".", "?"))


@pytest.mark.parametrize(
    ("layers", "name", "kind"),
    [
        ("{linear: 8}, {conv: 8}", "layer2", "conv"),
        ("{global_pool: max}, {separable: 8}", "layer2", "separable"),
        ("{choose: {a: [{linear: 8}], b: []}}, {pool: max}", "layer2", "pool"),
        ("{repeat: [0, 1], layers: [{linear: 8}]}, {pool: max, name: last}", "last", "pool"),
        ("{repeat: [3], layers: [{conv: 8}, {linear: 8}]}", "layer1.layer1", "conv"),
        ("{linear: 8}, {choose: {a: [{global_pool: max}]}}", "layer2.a.layer1", "global_pool"),
    ],
)
def test_no_map_is_left_after_a_linear_layer(tmp_path: Path, layers: str, name: str, kind: str) -> None:
    (found,) = complaints(tmp_path, f"{{layers: [{layers}]}}")
    assert found == (
        f"space.options.layers: {name}, a {kind}, may come after a linear layer or global pooling, where there is no "
        f"map any more; convolutions and pooling go first."
    )


@pytest.mark.parametrize(
    ("layers"),
    [
        "{repeat: [0, 1], layers: [{conv: 8}, {linear: 8}]}",
        "{choose: {a: [{linear: 8}], b: [{conv: 8}]}}, {linear: 8}",
        "{conv: 8}, {global_pool: max}, {dropout: 0.1}, {linear: 8}",
    ],
)
def test_what_can_follow_is_taken(tmp_path: Path, layers: str) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(f"name: x\ndata: sklearn:digits\nspace: {{family: layers, options: {{layers: [{layers}]}}}}\n")
    assert load_config(path).space.family == "layers"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            "{layers: [{conv: 8}], activation: rel}",
            "space.options.activation must be one of relu, silu, gelu, tanh, sigmoid, not 'rel'. Did you mean 'relu'?",
        ),
        ("{layers: {conv: 8}}", "space.options.layers must be a list, not a mapping."),
        ("{}", "space.options.layers is missing: the layers in order."),
    ],
)
def test_wrong_options(tmp_path: Path, options: str, sentence: str) -> None:
    assert complaints(tmp_path, options) == [sentence]


def test_every_wrong_layer_is_told_of(tmp_path: Path) -> None:
    found = complaints(tmp_path, "{layers: [{conv: 0}, {conv: 8}, {pool: min}]}")
    assert [text.split(":")[0] for text in found] == ["space.options.layers[0]", "space.options.layers[2]"]
