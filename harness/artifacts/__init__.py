"""The artifacts of build/release, unpacked as their hypervisors do it, and what those are particular about.

All of it raises LabError with a sentence that names the file and what is wrong with it.
"""
