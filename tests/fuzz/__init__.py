"""Cases by the million, from seeds: random networks, mutants of specs, model files and documents, and what must hold of them.

python -m tests.fuzz --minutes 2                 every oracle in turn
python -m tests.fuzz --only spec --seed 17       one case again
"""
