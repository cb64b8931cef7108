"""What people would use instead of our models, each at its best, in an environment of its own.

Nothing here imports the product, and the product's environment has none of these packages. Each program is a process:
`python -m bench.peers.NAME train --data LABELLED --model-dir DIR` and `... predict --model-dir DIR < TEXTS`, in the
lines that `python -m trainer.ml` reads and writes.
"""
