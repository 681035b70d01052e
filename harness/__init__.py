"""The lab: machines, networks, mock OCS front ends and measurements, and the `lab` command."""
