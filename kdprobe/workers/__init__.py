"""Work shared out over processes: `pool.Workers` is what others use."""
