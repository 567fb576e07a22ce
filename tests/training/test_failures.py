from __future__ import annotations

import signal

import pytest
import torch
from torch import nn

from nasflow.errors import ConfigError, IntegrityError, PluginError, SpaceError
from nasflow.training.failures import NotFiniteError, classify, describe_exit, failure_of
from nasflow.trials import Status


def raised(action) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        action()
    return caught.value


def allocate() -> None:
    torch.empty(2**60, dtype=torch.uint8)


class TestClassify:
    def test_memory_that_torch_does_not_get(self):
        status, cause = classify(raised(allocate))
        assert status is Status.OUT_OF_MEMORY
        assert cause.startswith("the memory did not suffice: RuntimeError: ")
        assert "\n" not in cause

    @pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
    def test_other_lacks_of_memory(self, error):
        assert classify(error)[0] is Status.OUT_OF_MEMORY

    def test_what_is_not_finite(self):
        assert classify(NotFiniteError("val_loss became NaN")) == (Status.NOT_FINITE, "val_loss became NaN")

    def test_a_mistake_in_the_networks_code_names_the_deepest_own_line(self):
        def wrong() -> None:
            nn.Linear(3, 2)(torch.ones(1, 4))

        error = raised(wrong)
        status, cause = classify(error)
        line = wrong.__code__.co_firstlineno + 1
        assert status is Status.CRASHED
        assert "mat1 and mat2 shapes cannot be multiplied" in cause
        assert cause.endswith(f"(training/test_failures.py:{line})")

    def test_an_exception_without_text_or_traceback(self):
        assert classify(KeyError()) == (Status.CRASHED, "KeyError")

    def test_a_long_text_is_cut_and_made_one_line(self):
        _, cause = classify(ValueError("line\n" * 1000))
        assert "\n" not in cause
        assert len(cause) < 600

    def test_a_runtime_error_that_is_none_of_memory(self):
        assert classify(RuntimeError("allocate more time"))[0] is Status.CRASHED

    def test_addresses_are_left_out_so_that_causes_repeat(self):
        assert classify(TypeError("not <object object at 0x7f3a2c>")) == (
            Status.CRASHED,
            "TypeError: not <object object>",
        )


class TestDescribeExit:
    def test_signals_are_named(self):
        assert describe_exit(-signal.SIGKILL) == "was killed by signal 9 (SIGKILL)"
        assert describe_exit(-signal.SIGSEGV) == "was killed by signal 11 (SIGSEGV)"
        assert describe_exit(-250) == "was killed by signal 250 (unknown)"

    def test_codes_are_given(self):
        assert describe_exit(0) == "ended with exit code 0"
        assert describe_exit(7) == "ended with exit code 7"


class TestFailureOf:
    def test_what_works_has_none(self):
        assert failure_of(lambda: 1) is None

    def test_a_sentence_of_nasflows_own_is_the_cause(self):
        assert failure_of(lambda: raising(SpaceError("the network fails."))) == (Status.CRASHED, "the network fails.")

    def test_a_strangers_exception_is_classified(self):
        status, cause = failure_of(lambda: raising(MemoryError("all gone")))
        assert (status, cause) == (Status.OUT_OF_MEMORY, "the memory did not suffice: MemoryError: all gone")

    @pytest.mark.parametrize("error", [PluginError("no family"), IntegrityError("damaged"), ConfigError(["wrong"])])
    def test_what_is_no_fault_of_the_network_goes_up(self, error):
        with pytest.raises(type(error), match=str(error)):
            failure_of(lambda: raising(error))


def raising(error: Exception) -> None:
    raise error
