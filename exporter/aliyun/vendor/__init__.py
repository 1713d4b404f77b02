"""Credentials that the vendor's library finds: how it is asked, kept quiet and understood.

refreshed_credentials: what it found, shared, kept fresh, used until it ends. sources: what it can be asked for.
library: the library itself; its only importer. explanation: why it gave nothing, without its words. silence: nothing
of what it says is heard.
"""
