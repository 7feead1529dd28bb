"""Engines in Jobs of Kubernetes: one for each audit run, which has nothing but what it is asked.

Worker and Job talk over the worker's exchange: the Job asks for questions and brings answers. The Job is never called,
has no credentials but a token for its own run, and is not believed.
"""
