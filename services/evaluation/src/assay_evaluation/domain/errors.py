"""The rules about evaluations that a request can break."""

from __future__ import annotations

from uuid import UUID

from assay_common.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied


class DatasetNotFound(NotFound):
    """No such dataset, or none that the caller may see, which is not told apart."""

    @classmethod
    def of(cls, reference: str) -> DatasetNotFound:
        """What is said of a dataset that was asked for by this id or name."""
        return cls(f"there is no dataset {reference!r}", dataset=reference)


class DatasetReadOnly(PermissionDenied):
    """The caller may see the dataset, and may not change it."""


class VisibilityNotAllowed(PermissionDenied):
    """The caller may not make the dataset visible so; only owners and administrators publish, for instance."""


class PromptNotFound(NotFound):
    """The caller's API key is limited to other prompts, which is as if there were no others."""


class PromptReadOnly(PermissionDenied):
    """The caller may see the prompt, and may not change it."""


class DatasetVersionNotFound(NotFound):
    """The dataset has no such version."""


class RunNotFound(NotFound):
    """No such run in the organisation, or none that the caller may see, which is not told apart."""

    @classmethod
    def of(cls, run_id: UUID) -> RunNotFound:
        """What is said of a run that was asked for by this id."""
        return cls(f"there is no run {run_id}", run=str(run_id))


class RunReadOnly(PermissionDenied):
    """The caller may see the run, and may not stop it."""


class ComparisonNotFound(NotFound):
    """No such comparison in the organisation, or one of its runs is not the caller's to see."""

    @classmethod
    def of(cls, comparison_id: UUID) -> ComparisonNotFound:
        """What is said of a comparison that was asked for by this id."""
        return cls(f"there is no comparison {comparison_id}", comparison=str(comparison_id))


class GateDecisionNotFound(NotFound):
    """No such decision in the organisation, or its comparison is not the caller's to see."""

    @classmethod
    def of(cls, decision_id: UUID) -> GateDecisionNotFound:
        """What is said of a decision that was asked for by this id."""
        return cls(f"there is no gate decision {decision_id}", decision=str(decision_id))


class DatasetNameTaken(AlreadyExists):
    """Another dataset of the organisation has this name."""


class MalformedDataset(InvalidArgument):
    """The name or the description of a dataset breaks its form."""


class MalformedImport(InvalidArgument):
    """The upload is not a header followed by the file."""


class FileTooLarge(InvalidArgument):
    """The file has more bytes than an import takes."""


class TooManyRows(InvalidArgument):
    """The file has more rows than a version of a dataset holds."""


class MalformedRun(InvalidArgument):
    """The request for a run breaks its form; the violations say which field and how."""


class EvaluatorConfigInvalid(InvalidArgument):
    """The configuration of an evaluator cannot be used; the violations say which and why."""


class UnknownModel(InvalidArgument):
    """The installation's catalogue has no model of this name."""


class DatasetEmpty(FailedPrecondition):
    """The dataset has no items, so that there is nothing to run over."""


class ExpectedAnswersMissing(FailedPrecondition):
    """An evaluator compares with expected answers, and some items have none."""


class RunAlreadyFinished(FailedPrecondition):
    """The run is complete; there is nothing left to stop."""


class MalformedComparison(InvalidArgument):
    """The request for a comparison breaks its form; the violations say which field and how."""


class RunNotCompleted(FailedPrecondition):
    """A run that is still going on, or was cancelled, cannot be compared."""


class RunsNotComparable(FailedPrecondition):
    """The runs are not over the same prompt and the same version of the same dataset."""


class NoCommonEvaluator(FailedPrecondition):
    """The two runs share no evaluator of the same kind and configuration."""


class UnknownEvaluator(InvalidArgument):
    """No evaluator of this name scored both runs alike."""


class MalformedGate(InvalidArgument):
    """The question to the gate breaks its form."""
