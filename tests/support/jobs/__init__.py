"""Modules that are mounted where jobs run."""
