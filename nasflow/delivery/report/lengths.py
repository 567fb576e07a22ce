"""How long full trainings were, in words: what was asked for, and what they had."""

from __future__ import annotations

from nasflow.delivery.report.data import ReportData
from nasflow.delivery.report.parts import FullTraining
from nasflow.delivery.report.wording import plural, title


def epochs_had(training: FullTraining | None) -> str:
    """Return how long a full training was: `40 epochs`, `14 of 60 epochs`; empty where it is not known."""
    if training is None:
        return ""
    if training.epochs == training.given:
        return plural(training.epochs, "epoch")
    return f"{training.epochs:,} of {plural(training.given, 'epoch')}"


def asked_and_had(data: ReportData) -> str:
    """Return how long full trainings were to be, and what the winner's came to where that is less."""
    asked, training = data.asked, data.winner.training
    most = "at most " if asked.patience is not None else ""
    told = f"the best {asked.candidates}, {most}{plural(asked.final_epochs, 'epoch')} each"
    if asked.patience is not None:
        told += f", fewer once {asked.patience:,} in a row had not improved {title(data.objective).lower()}"
    if training is None:
        return told
    notes = []
    if training.given < asked.final_epochs and asked.hours is not None:
        notes.append(f"budget.hours ({asked.hours:g}) left time for {training.given:,}")
    elif training.given != asked.final_epochs:
        notes.append(f"the winner was given {training.given:,}")
    if training.epochs != training.given:
        notes.append(f"the winner's ended after {training.epochs:,}")
    return f"{told}; {' and '.join(notes)}" if notes else told


def marked_had(data: ReportData) -> str:
    """Return how long the trainings were that the Pareto front marks as full ones, for the end of a sentence."""
    winner, reference = data.winner.training, data.reference.training
    if winner is None:
        return "was trained for longer, as the figures of the reference above"
    if data.reference_failure or reference is None:
        return f"had {plural(winner.epochs, 'epoch')}"
    if winner.epochs == reference.epochs:
        return f"had {plural(winner.epochs, 'epoch')}, as the figures of the reference above"
    return f"had {plural(winner.epochs, 'epoch')} (the winner) or {reference.epochs:,} (the reference)"


def reference_had(data: ReportData) -> str:
    """Return how the reference was trained, in a sentence; empty where its training failed."""
    winner, reference = data.winner.training, data.reference.training
    if data.reference_failure:
        return ""
    told = "The reference was trained by the same recipe"
    if winner is None or reference is None:
        return f"{told}."
    if winner.epochs == reference.epochs:
        return f"{told} for as many epochs."
    return f"{told}, for {plural(reference.epochs, 'epoch')}; the winner for {winner.epochs:,}."
