"""Programs of others that check what is shipped."""

import subprocess


def run(*command: str) -> str:
    """Return what the command printed; fails with it unless it ended well."""
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stdout
    return result.stdout
