"""Training of the models that stages apply: reading texts, drawing examples, fitting, measuring on held-out texts."""
