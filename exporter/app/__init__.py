"""The composition root: everything is built, connected, started, reloaded and stopped here.

daemon        the running exporter
├── build         what calls need, and whom they are for, from a configuration
├── systemd       what a service manager hears
└── signals       what a command does when it is told to end
status_once   every probe polled once, for a report
demo          the simulator, and a daemon that watches it
vocabulary    what the configuration file may say of products, probes and labels
"""
