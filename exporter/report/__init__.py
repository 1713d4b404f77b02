"""What people are shown: the rows of the status page, the table and the JSON.

report     what is known of every account and product, counted, ordered, and as JSON
terminal   as a table
"""
