# What a proxy that drains still has: the workers that a reload has retired and that still have clients, by the title that nginx gives
# them, one a line; then its tables of connections. The exit code is that of the tables.
grep -ls '^nginx: worker process is shutting down' /proc/[0-9]*/cmdline || true
exec cat /proc/net/tcp /proc/net/tcp6
