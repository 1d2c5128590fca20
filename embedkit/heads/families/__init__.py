"""The heads by family: one function for each, which builds an estimator, and one line that says what it is."""
