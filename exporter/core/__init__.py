"""What every other part builds on.

model         what is known of the world: states, answers and failures
store         the history of every probe: the only state that polls and scrapes share
logger        what the other parts log with
logs          in which form log lines are, and where they go
log_writer    standard error as a stream that never blocks and never fails
counts        of things, in words
durations     in words, and pauses of what keeps failing
threads       that exist before there is work for them
exit_handler  the end of a command at a signal
memory        garbage collection and heaps of a process that runs for months
"""
