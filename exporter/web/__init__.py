"""The web front: what the exporter answers over HTTP, and the server that carries it.

server                the server's thread, its address, and the end of both
├── protocol              HTTP, with limits to what one client makes it hold
├── connections           accepts connections; how many and for how long
├── threads               those that answers need, which exist before it listens
├── authentication        who is answered, by name and password
│   └── login_queue           whose password is checked next
└── web_configuration     TLS, users and headers, read anew when their files change
app                   what each path answers
├── origin                whether a page of another origin sends the request
├── metrics_response      a scrape: format and compression
├── pieces                how a page is sent
├── status_page           the page at /
│   ├── texts                 its words, in each language
│   └── runbooks              where its links to runbooks lead
└── preferences           what a client prefers, by Accept and headers like it
"""
