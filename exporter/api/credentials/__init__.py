"""Gets the credentials of accounts and keeps them fresh.

base          secrets, credentials, and their providers
roles         credentials of roles, by AssumeRole
└── role          a role, its token, and when STS is called for another
refresh       credentials of a source that may be slow, kept fresh
└── sdk           the vendor's library and its sources; its only importer
"""
