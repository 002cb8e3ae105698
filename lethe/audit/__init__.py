"""The audit trail: what was done to personal data, by whom, why; only ever appended to, and checked from outside."""
