"""HAProxy's and IPVS' counters for snmpd. Standard library only: it is a process of its own."""
