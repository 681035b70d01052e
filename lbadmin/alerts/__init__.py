"""Alerts: what has happened, told by mail and webhook, and kept for the overview."""
