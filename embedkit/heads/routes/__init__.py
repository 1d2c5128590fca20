"""Faster ways to the predictions of heads: many candidates, folds and budgets from work that is done once."""
