"""The parts of NodeConfig: each module has the models of one part, its own field types and its rules."""
