"""The formats that hypervisors and clouds take the disk in."""
