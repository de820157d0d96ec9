# Becomes the docker client with these arguments, which writes its standard error where it writes its standard output: two pipes would
# not say in which order. Runs where the command does that was typed, not in a container.
exec docker "$@" 2>&1
