"""After training: rows in, answers out. Nothing is imported here: what loads an
exported artifact runs in a process without models and flax."""
