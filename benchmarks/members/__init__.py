"""What takes turns: mtlx, and its peers as their documentation says."""
