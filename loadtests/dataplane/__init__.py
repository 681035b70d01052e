"""`make bench-dataplane`: the appliance's HAProxy beside other load balancers on the same virtual machine."""
