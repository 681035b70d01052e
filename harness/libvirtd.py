"""The configuration of a lab's private libvirtd. Pure."""

# Without a manager of control groups, security labels or another user to run QEMU as, the lab needs
# nothing of the host but root; QEMU's own logging spares the second daemon, virtlogd.
QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
"""

# The socket lies in the lab's own mount namespace: only root reaches it.
LIBVIRTD_CONF = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
log_level = 3
log_outputs = "3:stderr"
"""
