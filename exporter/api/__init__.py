"""How to talk to Alibaba Cloud's RPC API: sign, pace, send, read, and say what went wrong.

Floor: above ``core`` only. Nothing here knows of products, probes or Prometheus.

client        one call, from the rate limit to the reply
├── call          what goes into it and what comes out
├── operation     what is called
├── endpoints     and where
├── rate_limit    when it may be sent
├── credentials/  who calls
├── request       what is sent
│   └── signing       the Authorization header
├── proxy         directly or through a proxy
├── connections   under one total deadline
│   ├── deadline      what is ended when the deadline passes or the process stops
│   └── dns           names to addresses
├── body          what came back, as bytes
├── reply         and as an object or an error
├── fields        and as the fields of an answer
├── clock_skew    and by which clock
├── redaction     what of it may be repeated
├── connection_failure   what became of a connection that failed
└── errors        why there is no answer
"""
