"""What is counted, and over which span of time: no input or output."""
