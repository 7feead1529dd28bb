"""The main job, done by the `assay` command line as a user would type it: is this prompt better, is this code sound?"""

from assay_local.demo.command_line import AssayCommand, DemoFailed
from assay_local.demo.story import Demo

__all__ = ["AssayCommand", "Demo", "DemoFailed"]
