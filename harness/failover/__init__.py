"""What a failover costs the clients: a probe in the lab, its analysis, the bench and its report."""
