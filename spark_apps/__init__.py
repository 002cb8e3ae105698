"""Spark applications: argv and wiring; the rules are lethe's."""
