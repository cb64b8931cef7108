"""One head a kind of question, all of them over the same features of the same pass."""
