"""Asterisk's two wires: the Manager Interface (AMI) and the Gateway Interface (AGI)."""
