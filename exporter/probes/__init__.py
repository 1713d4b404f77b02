"""What is asked of the API, and what the answers mean: a file for each kind of probe.

table           the probes, as rows
├── service         Describe…Service: locks and billing
│   ├── service_families    what is remembered, and the metrics
│   └── service_state       the state, and how an answer is read
│       └── service_locks       the forms of a lock
├── debt_status     DescribeUser…Status: what is owed
├── balance         QueryAccountBalance: what can still be spent
├── certificates    …UserCertificateExpireCount: domains whose certificate has expired, or will
├── domains         …UserDomains: domains by their status
├── resource_packages   Describe…UserResourcePackage: what is left of packages, and when they end
│   └── resource_package_templates  what those of each template hold together
│       └── resource_package_state      the packages, and how an answer is read
├── esa             List…RatePlanInstances: the plans of Edge Security Acceleration, of two lists
│   └── esa_state       the plans, and how an answer is read
└── kind            what the file of a kind has to define
    └── view            what people are shown of a state
"""
