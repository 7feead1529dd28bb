"""The chart on a real cluster: `make test-cluster`, with whatever KUBECONFIG names."""
