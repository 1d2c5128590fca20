"""From images to vectors on disk."""
