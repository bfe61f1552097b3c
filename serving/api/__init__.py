"""HTTP only: routes, schemas and problem documents; no rule and no SQL."""
