"""lbva-graphs: an unprivileged service that measures, keeps and draws; lbadmind asks it by a socket.

Only the standard library and RRDtool: it is to be small.
"""
