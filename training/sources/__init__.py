"""The corpora as rows: an adapter per corpus, its classes mapped to our labels, files checked before they are read."""
