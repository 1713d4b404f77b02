"""How to talk to Alibaba Cloud's RPC API: sign, pace, send, read, and say what went wrong.

Floor: above ``model`` only. Nothing here knows of products, probes or Prometheus.

    client        one call, from the budget to the reply
    ├── budget        when it may be sent
    ├── credentials   who calls
    │   ├── vendor/       the vendor's own ways to find that out
    │   └── roles         and as which role, by AssumeRole
    │       ├── assumed_role  the role, and what STS says
    │       ├── role_token    when STS is asked again
    │       └── lanes         the threads that ask
    ├── request       what is sent
    │   └── signing       the Authorization header
    ├── route         directly or through a proxy
    ├── connections   under one total deadline
    │   ├── exchange      what is ended when the deadline passes or the process stops
    │   └── resolver      names to addresses
    ├── body          what came back, as bytes
    ├── reply         and as an object or an error
    ├── clock_skew    and by which clock
    ├── redaction     what of it may be repeated
    ├── connection_failure   what became of a connection that failed
    └── errors        why there is no answer
"""
