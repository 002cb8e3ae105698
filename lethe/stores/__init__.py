"""The stores: Cassandra, MongoDB and Kafka, each reached with one role's credential."""
