"""The programs that benchmarks put beside ours, each as its own documentation teaches to write it."""
