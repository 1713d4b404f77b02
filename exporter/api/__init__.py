"""Talks to Alibaba Cloud's RPC API: signs, paces and sends calls, reads replies, and says what went wrong.

Floor: above ``core`` only. Nothing here knows of products, probes or Prometheus.

client        one call, from the rate limit to the reply
├── call          what goes into it and what comes out
├── operation     what is called
├── pages         lists that take several calls
├── endpoints     where
│   └── proxy         and by which proxy
├── rate_limit    when it may be sent
├── credentials/  who calls
├── request       what is sent
│   └── signing       the Authorization header
├── connections   over which connection
│   ├── failures      what became of it
│   ├── deadline      sockets that keep a call's deadline, and end when the process stops
│   └── dns           names to addresses
├── reply         what came back: an object or an error
│   └── body          its bytes, unpacked, as JSON or XML
├── fields        the fields of an answer
├── redaction     what of it may be repeated
└── errors        why there is no answer
"""
