"""The dictionary of a project: words that people marked, or that a term list names, suggested wherever else they stand.

``folding`` says what are the same words, ``learning`` writes what answers teach, ``lists`` what term lists say, and
``lookup`` finds terms in texts.
"""
