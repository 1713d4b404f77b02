"""What people are shown: the rows of the status page, the table and the JSON.

row        what is known of one product of one account
overview   the rows, from the records of the probes
report     counted, explained and as JSON
terminal   as a table
"""
