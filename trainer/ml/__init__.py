"""The estimator library: labelled text in, a self-contained SavedModel out.

It needs TensorFlow, NumPy and the standard library, and knows nothing of the product around it. Start at
`training.train`, `predictor.load` and `evaluation.evaluate`; `python -m trainer.ml` is the same from a shell.
"""
