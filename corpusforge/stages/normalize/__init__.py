"""Stages that repair and unify the characters of a text."""
