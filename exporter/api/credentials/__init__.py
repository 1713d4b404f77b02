"""Who calls: where the credentials of an account come from, and how they are kept fresh.

base          secrets, credentials, and what gives them
roles         credentials of roles, by AssumeRole
├── role          the role, what STS says, and when it is asked again
└── worker_pool   the threads that ask
refresh       credentials of a source that may be slow, kept fresh, used until they end
└── sdk           the vendor's library and its sources; its only importer
"""
