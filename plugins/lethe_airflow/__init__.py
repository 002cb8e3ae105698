"""Lethe's side of Airflow: what DAGs hand to the domain."""
