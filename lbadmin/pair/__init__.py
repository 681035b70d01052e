"""The pair: two nodes that share one ClusterConfig, replicate it, and take over from each other."""
