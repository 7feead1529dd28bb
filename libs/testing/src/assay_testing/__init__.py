"""What the tests of several parts of Assay share."""
