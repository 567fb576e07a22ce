from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nasflow.training.job import TrainingJob, checkpoint_key, result_key


def test_a_job_travels_as_json(lab):
    job = replace(lab.other("x", training={"momentum": 0.5}, seed=7).job, keep_weights=True)
    assert TrainingJob.from_json(json.loads(json.dumps(job.to_json()))) == job


@pytest.mark.parametrize("part", ["config", "bundle", "store_url", "keep_weights"])
def test_no_part_of_a_job_can_be_left_out(lab, part):
    document = lab.job.to_json()
    del document[part]
    with pytest.raises(KeyError):
        TrainingJob.from_json(document)


def test_keys(lab):
    assert result_key("abc") == "results/abc.json"
    assert checkpoint_key("abc") == "checkpoints/abc.safetensors"
    for key in (result_key(lab.trial("good").id), checkpoint_key(lab.trial("good").id)):
        lab.store.put(key, b"x")  # a legal key
        assert lab.store.get(key) == b"x"
