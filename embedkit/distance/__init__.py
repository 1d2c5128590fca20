"""Distances between embeddings, without any head: verification, retrieval and episodes, by metric."""
