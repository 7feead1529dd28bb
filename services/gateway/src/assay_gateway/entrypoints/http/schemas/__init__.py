"""What goes in and out as JSON: bodies are checked by these models, answers are documented by them."""
