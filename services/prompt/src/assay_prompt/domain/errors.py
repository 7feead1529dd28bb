"""The rules about prompts that a request can break."""

from __future__ import annotations

from assay_common.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied


class PromptNotFound(NotFound):
    """No such prompt, or none that the caller may see, which is not told apart."""


class PromptReadOnly(PermissionDenied):
    """The caller may see the prompt, and may not change it."""


class VisibilityNotAllowed(PermissionDenied):
    """The caller may not make the prompt visible so; only owners and administrators publish, for instance."""


class PromptOutsideKey(PermissionDenied):
    """The API key is limited to prompts of other names."""


class HistoryNotShared(PermissionDenied):
    """The prompt is another organisation's: it shows its versions, and keeps what happened to them."""


class VersionNotFound(NotFound):
    """The prompt has no such version."""


class LabelNotFound(NotFound):
    """The prompt has no such label."""


class PromptNameTaken(AlreadyExists):
    """Another prompt of the organisation has this name."""


class ContentUnchanged(AlreadyExists):
    """The newest version has exactly this content."""


class PromptHasNoVersion(FailedPrecondition):
    """Nothing was published yet, so there is nothing to resolve."""


class MalformedPrompt(InvalidArgument):
    """A name, a label or a content breaks its form; the violations say which and how."""


class UnsupportedTemplateSyntax(InvalidArgument):
    """A template does more than name variables."""


class AmbiguousReference(InvalidArgument):
    """Both a label and a version were named."""
