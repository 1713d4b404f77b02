"""What people are shown: the rows of the status page, the table and the JSON.

report          what is known of every account and product, counted and ordered
json_document   as JSON
terminal        as a table
"""
