"""Sections of a report, one file each: what the reader finds under one heading."""
