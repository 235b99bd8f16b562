"""Training: from the phrase book to a checkpoint, and fine-tuning. Knows neither the live engine nor Qt."""
