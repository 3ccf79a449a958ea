"""Endpoints: `resource` is the kind, `types` its rules per type, `schemas` the properties of each type."""
