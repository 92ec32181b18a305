"""The no-Docker stack: PostgreSQL and Valkey from wheels, Cassandra from jars, and our own processes, supervised."""
