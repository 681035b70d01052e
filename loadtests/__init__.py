"""Locust users and the load profiles."""
