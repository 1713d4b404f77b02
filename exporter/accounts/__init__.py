"""Whom we watch: accounts of the configuration and members of resource directories.

inventory     which accounts are watched
├── directory     the members of a resource directory, by its last list
│   └── members       what a page of ListAccounts says
├── account_id    which account is behind a configured one
├── credentials   where its credentials come from
└── sharding      which accounts are this process's own
"""
