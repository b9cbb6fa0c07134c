"""Conversations with the handsets of people who work here: each is a story that yields what is to be done next."""
