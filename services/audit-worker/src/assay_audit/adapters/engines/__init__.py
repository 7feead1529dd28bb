"""The analysis engines: each runs in a process of its own, over files exported under names of ours."""
