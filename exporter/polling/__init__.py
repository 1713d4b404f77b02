"""When each probe is polled, in which thread, and what one poll does.

schedule      runs every probe when it is due
├── plan          when each probe runs: a heap of moments
├── policy        decides when a probe runs next
└── jobs          what is periodic, by APScheduler
lookups       account ids and members of directories, beside the polls
one_shot      every probe polled exactly once
poller        one poll: call, parse, keep
└── transitions   what is worth a line in the log
"""
