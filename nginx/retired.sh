# The workers that a reload has retired and that still have clients, by the title that nginx gives them; one a line.
grep -ls '^nginx: worker process is shutting down' /proc/[0-9]*/cmdline || true
