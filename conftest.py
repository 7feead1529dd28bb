"""Fixtures for every test of the workspace: the real components, started once per run when a test asks for one."""

pytest_plugins = ["assay_local.pytest_plugin", "assay_testing.pytest_plugin"]
