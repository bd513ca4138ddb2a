"""Artifacts: a spec built into a folder of files, each of them verified. torch is imported when a build starts."""

from hiera_compiler.artifact.build import Artifact, build
from hiera_compiler.artifact.problems import BuildError
from hiera_compiler.artifact.report import Check, Report
from hiera_compiler.artifact.task import Options

__all__ = ["Artifact", "BuildError", "Check", "Options", "Report", "build"]
