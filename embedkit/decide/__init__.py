"""From results to a decision: what to take, a model that is fitted on all labels, and what it says of new images."""
