"""The trial, the licence key file, and what may be changed when neither holds any more."""
