"""How a report is written: for a terminal, a comment, a program and CI."""
