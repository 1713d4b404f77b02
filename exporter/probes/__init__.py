"""What is asked of the API, and what the answers mean: a file for each kind of probe.

table         the probes, as rows
service       Describe…Service: locks and billing
debt_status   DescribeUser…Status: what is owed
balance       QueryAccountBalance: what can still be spent
"""
