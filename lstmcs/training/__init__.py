"""One fold, or many of one build: Fold in, record out; one file a kind of model."""
