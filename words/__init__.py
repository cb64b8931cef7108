"""Where words lie in a text: one rule, for the model's graph, which reads it as tables, and for exports."""
