"""Entry points: thin Hydra and command-line programs over mtlx."""
