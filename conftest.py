"""Fixtures for every test of the workspace: the real components, started once per run when a test asks for one."""

from hypothesis import settings

pytest_plugins = ["assay_local.pytest_plugin", "assay_testing.pytest_plugin"]

# A test is never about how fast a busy machine was.
settings.register_profile("assay", deadline=None)
settings.load_profile("assay")
