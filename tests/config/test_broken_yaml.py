"""Broken files as users make them, each with the exact sentences that answer it."""

from __future__ import annotations

import textwrap

import pytest

from nasflow.config import parse_config
from nasflow.errors import ConfigError

BROKEN: dict[str, tuple[str, list[str]]] = {
    "option out of range": (
        """
        name: digits
        data: sklearn:digits
        strategy:
          name: evolution
          options:
            population_size: 0
        """,
        ["line 6: strategy.options.population_size must be at least 2, not 0."],
    ),
    "misspelt section": (
        "name: digits\ndata: sklearn:digits\nstratgy: random\n",
        ["line 3: a search has no section 'stratgy'. Did you mean 'strategy'?"],
    ),
    "misspelt field": (
        "name: digits\ndata: sklearn:digits\nfidelity: {epoch: 5}\n",
        ["line 3: fidelity has no field 'epoch'. Did you mean 'epochs'?"],
    ),
    "field of another section": (
        "name: digits\ndata: sklearn:digits\ntraining:\n  epochs: 5\n",
        ["line 4: training has no field 'epochs'; it belongs to 'fidelity' or 'final'."],
    ),
    "field like no other": (
        "name: digits\ndata: sklearn:digits\nfidelity: {xyz: 5}\n",
        ["line 3: fidelity has no field 'xyz'; it has epochs, data_fraction."],
    ),
    "word for a whole number": (
        "name: digits\ndata: sklearn:digits\nbudget:\n  trials: ten\n",
        ["line 4: budget.trials must be a whole number, not 'ten'."],
    ),
    "fraction for a whole number": (
        "name: digits\ndata: sklearn:digits\nbudget: {trials: 2.5}\n",
        ["line 3: budget.trials must be a whole number, not 2.5."],
    ),
    "truth for a number": (
        "name: digits\ndata: sklearn:digits\nparallelism: {round_size: yes}\n",
        ["line 3: parallelism.round_size must be a whole number, not yes (which YAML reads as true)."],
    ),
    "too small, bounded on both sides": (
        "name: digits\ndata: {source: sklearn:digits, size: 4}\n",
        ["line 2: data.size must be between 8 and 224, not 4; the nearest valid value is 8."],
    ),
    "too large, bounded on both sides": (
        "name: digits\ndata:\n  source: sklearn:digits\n  size: 512\n",
        ["line 4: data.size must be between 8 and 224, not 512; the nearest valid value is 224."],
    ),
    "open bounds": (
        "name: digits\ndata: sklearn:digits\nfidelity:\n  data_fraction: 0\n",
        ["line 4: fidelity.data_fraction must be above 0 and at most 1, not 0."],
    ),
    "negative seed": (
        "name: digits\ndata: sklearn:digits\nseed: -1\n",
        ["line 3: seed must be between 0 and 2147483647, not -1; the nearest valid value is 0."],
    ),
    "not a number": (
        "name: digits\ndata: sklearn:digits\nbudget: {trial_seconds: .nan}\n",
        ["line 3: budget.trial_seconds must be a finite number, not .nan."],
    ),
    "unknown choice": (
        "name: digits\ndata: sklearn:digits\ntraining:\n  optimizer: adan\n",
        ["line 4: training.optimizer must be 'sgd', 'adam', 'adamw' or 'rmsprop', not 'adan'. Did you mean 'adam'?"],
    ),
    "number or word": (
        "name: digits\ndata: sklearn:digits\nobjectives:\n  - val_accuracy\n"
        "  - {name: parameters, less_than: refrence}\n",
        ["line 5: objectives[1].less_than must be a number or 'reference', not 'refrence'. Did you mean 'reference'?"],
    ),
    "truth for a name": (
        "name: on\ndata: sklearn:digits\n",
        ["line 1: name must be text, not on (which YAML reads as true); put it in quotes: 'on'."],
    ),
    "number for a name": (
        "name: 2024\ndata: sklearn:digits\n",
        ["line 1: name must be text, not 2024; put it in quotes: '2024'."],
    ),
    "date for a name": (
        "name: 2024-01-31\ndata: sklearn:digits\n",
        ["line 1: name must be text, not 2024-01-31; put it in quotes: '2024-01-31'."],
    ),
    "name with spaces": (
        "name: My Search\ndata: sklearn:digits\n",
        [
            "line 1: name must be 1 to 63 lower-case letters, digits and hyphens, not 'My Search'; try 'my-search'.",
        ],
    ),
    "model name that MLflow refuses": (
        "name: a\ndata: sklearn:digits\nregistry: {name: team/digits}\n",
        [
            "line 3: registry.name must have a letter and none of / : . % \" ', not 'team/digits'; try 'team-digits'.",
        ],
    ),
    "nothing required": (
        "seed: 1\n",
        [
            "name is missing: name of the search, of its experiment and of the registered model.",
            "data is missing: the data to learn from.",
        ],
    ),
    "source missing": (
        "name: digits\ndata:\n  size: 32\n",
        ["line 2: data.source is missing: 'SOURCE:ARGUMENT', as in 'sklearn:digits' or 'folder:photos'."],
    ),
    "empty section": (
        "name: digits\ndata: sklearn:digits\ntraining:\nseed: 1\n",
        ["line 3: training is empty; indent its fields beneath it, or remove the line."],
    ),
    "empty field": (
        "name: digits\ndata: sklearn:digits\nseed:\n",
        ["line 3: seed has no value; give a whole number, or remove the line."],
    ),
    "truth for a section that may be a word": (
        "name: digits\ndata: on\n",
        ["line 2: data must be text or a mapping of names to values, not on (which YAML reads as true)."],
    ),
    "word for a section": (
        "name: digits\ndata: sklearn:digits\nresources: cpu\n",
        ["line 3: resources must be a mapping of names to values, not 'cpu'."],
    ),
    "value for a list": (
        "name: digits\ndata: sklearn:digits\nspace:\n  choices:\n    stage1.width: 16\n",
        ["line 5: space.choices.stage1.width must be a list, not 16; write [16]."],
    ),
    "no objectives": (
        "name: digits\ndata: sklearn:digits\nobjectives: []\n",
        ["line 3: objectives needs at least 1 entry, not 0."],
    ),
    "given twice": (
        "name: digits\ndata: sklearn:digits\nbudget:\n  trials: 8\n  trials: 16\n",
        ["line 5: budget.trials is given twice, first on line 4; keep one."],
    ),
    "unknown task": (
        "name: digits\ndata: sklearn:digits\ntask: image_clasification\n",
        [
            "line 3: task: 'image_clasification' is none of the known tasks: image_classification. "
            "Did you mean 'image_classification'?",
        ],
    ),
    "unknown strategy": (
        "name: digits\ndata: sklearn:digits\nstrategy:\n  name: evolutoin\n",
        [
            "line 4: strategy.name: 'evolutoin' is none of the known strategies: evolution, grid, random. "
            "Did you mean 'evolution'?",
        ],
    ),
    "unknown option": (
        "name: digits\ndata: sklearn:digits\nstrategy:\n  name: evolution\n  options:\n    population: 8\n",
        ["line 6: strategy.options has no field 'population'. Did you mean 'population_size'?"],
    ),
    "unknown source": (
        "name: digits\ndata: sklern:digits\n",
        [
            "line 2: data.source has 'sklern' before the colon, which is none of the known sources: folder, npz, s3, "
            "sklearn, torchvision. Did you mean 'sklearn'? "
            "A folder whose name has a colon is written './sklern:digits'.",
        ],
    ),
    "unknown objective": (
        "name: digits\ndata: sklearn:digits\nobjectives:\n  - val_acuracy\n",
        [
            "line 4: objectives: 'val_acuracy' is none of the known objectives: val_accuracy, val_balanced_accuracy, "
            "val_macro_f1, val_loss, flops, latency, parameters, train_seconds. Did you mean 'val_accuracy'?",
        ],
    ),
    "objective without its split": (
        "name: digits\ndata: sklearn:digits\nobjectives: [accuracy]\n",
        [
            "line 3: objectives: 'accuracy' is none of the known objectives: val_accuracy, val_balanced_accuracy, "
            "val_macro_f1, val_loss, flops, latency, parameters, train_seconds. Did you mean 'val_accuracy'?",
        ],
    ),
    "objective on test data": (
        "name: digits\ndata: sklearn:digits\nobjectives: [test_accuracy]\n",
        [
            "line 3: objectives: 'test_accuracy' is kept for the last word; no search may read the test data. "
            "Did you mean 'val_accuracy'?",
        ],
    ),
    "bound that is not known in time": (
        "name: digits\ndata: sklearn:digits\nobjectives:\n  - {name: val_loss, less_than: reference}\n",
        [
            "line 4: objectives[0].less_than: 'val_loss' of the reference network is not known before the search ends; "
            "give a number.",
        ],
    ),
    "unknown constraint": (
        "name: digits\ndata: sklearn:digits\nspace:\n  constraints:\n    params: {less_than: 1000}\n",
        ["line 5: space.constraints has no field 'params'. Did you mean 'parameters'?"],
    ),
    "unknown choice of the space": (
        "name: digits\ndata: sklearn:digits\nspace:\n  family: cell\n  options: {widht: 8}\n",
        ["line 5: space.options has no field 'widht'. Did you mean 'width'?"],
    ),
    "truth where a word is meant": (
        "name: digits\ndata: sklearn:digits\nspace:\n  choices:\n    activation: [relu, on]\n",
        [
            "line 5: space.choices.activation offers 'relu', 'silu', 'gelu', 'tanh', 'sigmoid', "
            "not on (which YAML reads as true).",
        ],
    ),
    "choice in capitals": (
        "name: digits\ndata: sklearn:digits\nspace:\n  choices:\n    activation:\n      - relu\n      - SiLU\n",
        [
            "line 7: space.choices.activation offers 'relu', 'silu', 'gelu', 'tanh', 'sigmoid', not 'SiLU'. "
            "Did you mean 'silu'?",
        ],
    ),
    "more finalists than trials": (
        "name: digits\ndata: sklearn:digits\nbudget: {trials: 4}\nfinal:\n  candidates: 6\n",
        ["line 5: final.candidates must be at most 4, the number of trials in budget.trials, not 6."],
    ),
    "crossing bounds": (
        "name: digits\ndata: sklearn:digits\nobjectives:\n  - name: parameters\n"
        "    less_than: 100\n    more_than: 200\n",
        [
            "line 6: objectives[0] can hold no value: nothing is above 200 and below 100; swap or widen them.",
        ],
    ),
    "objective twice": (
        "name: digits\ndata: sklearn:digits\nobjectives:\n  - val_loss\n  - val_loss\n",
        ["line 5: objectives: 'val_loss' is listed twice; keep one of them, with all its bounds."],
    ),
    "password": (
        "name: digits\ndata: sklearn:digits\ntracking:\n  uri: https://me:hunter2@mlflow.example.org\n",
        [
            "line 4: tracking.uri holds a user or password; set MLFLOW_TRACKING_URI in the environment instead, "
            "and remove the line.",
        ],
    ),
    "folder for a tracking server": (
        "name: digits\ndata: sklearn:digits\ntracking: {uri: ./mlruns}\n",
        [
            "line 3: tracking.uri must be the address of a server or a database, as in 'http://localhost:5000' or "
            "'sqlite:///mlflow.db', not './mlruns'.",
        ],
    ),
    "unknown storage": (
        "name: digits\ndata: sklearn:digits\nstorage: {url: 'gopher://bucket'}\n",
        ["line 3: storage.url: 'gopher' is none of the known storages: file, s3; a plain path is a folder."],
    ),
    "tab": (
        "name: digits\ndata:\n\tsource: sklearn:digits\n",
        ["line 3: a tab stands where YAML wants spaces."],
    ),
    "two colons": (
        "name: digits\ndata: sklearn: digits\n",
        ["line 2: a second ':' on the line; put the value in quotes, or check the indentation."],
    ),
    "open quote": (
        "name: 'digits\ndata: sklearn:digits\nseed: 1\n",
        ["line 1: the quote that opens here is never closed."],
    ),
    "open bracket": (
        "name: digits\ndata: sklearn:digits\nobjectives: [val_accuracy\nseed: 1\n",
        ["line 3: the '[' that opens here is never closed, or a comma is missing."],
    ),
    "open brace": (
        "name: digits\ndata: sklearn:digits\nbudget: {trials: 8\n",
        ["line 3: the '{' that opens here is never closed, or a comma is missing."],
    ),
    "crooked indentation": (
        "name: digits\ndata: sklearn:digits\nbudget:\n    trials: 8\n  trial_seconds: 9\n",
        ["line 5: the indentation does not fit the lines above."],
    ),
    "key without colon": (
        "name: digits\ndata: sklearn:digits\nbudget\nseed: 1\n",
        ["line 4: a key without ':' behind it."],
    ),
    "two documents": (
        "name: digits\ndata: sklearn:digits\n---\nname: other\n",
        ["line 3: a second document begins with '---'; keep one document in the file."],
    ),
    "python object": (
        "name: !!python/object/apply:os.system [ls]\ndata: sklearn:digits\n",
        ["line 1: tags such as !name are not supported; leave the tag out."],
    ),
    "list of sections": (
        "- name: digits\n- data: sklearn:digits\n",
        ["must hold sections like 'name: …' and 'data: …', not a list."],
    ),
    "words": ("hello\n", ["must hold sections like 'name: …' and 'data: …', not 'hello'."]),
    "only comments": ("# nothing yet\n", ["there is nothing in it; write one with 'nasflow new my-search'."]),
    "key that is no text": (
        "name: digits\ndata: sklearn:digits\nspace:\n  choices:\n    yes: [1]\n",
        ["line 5: the key yes is no text; put it in quotes."],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_yaml_is_answered_in_these_sentences(case: str) -> None:
    text, expected = BROKEN[case]
    with pytest.raises(ConfigError) as caught:
        parse_config(textwrap.dedent(text).lstrip("\n"), "search.yaml")
    joined = [f"search.yaml{', ' if line.startswith('line ') else ': '}{line}" for line in expected]
    assert list(caught.value.problems) == joined


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = textwrap.dedent("""
        seed: -3
        name: digits
        data: {source: sklern:digits, sise: 8}
        final: {candidates: 9}
        budget: {trials: 4}
        strategy:
          name: evolution
          options: {population_size: many, sample_size: 0}
        space:
          choices: {activation: [reluu]}
        budget: {trials: 4}
        """).lstrip("\n")
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "s.yaml")
    problems = caught.value.problems
    assert [int(p.split("line ")[1].split(":")[0]) for p in problems] == [1, 3, 3, 4, 8, 8, 10, 11]
    assert "'activation'" not in problems[6]
    assert "did you mean 'relu'" in problems[6].lower()


def test_secrets_are_not_repeated() -> None:
    text = (
        "name: digits\ndata: s3://key:hunter2@bucket/x\ntracking: {uri: 'postgresql://me:hunter2@db/x'}\n"
        "storage: {url: 's3://key:hunter2@minio/bucket'}\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "s.yaml")
    assert "hunter2" not in str(caught.value)
    assert "tracking.uri holds a user or password" in str(caught.value)
    assert "storage.url holds a user or password" in str(caught.value)
