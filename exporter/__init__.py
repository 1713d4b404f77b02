"""dcdn-exporter: the state of Alibaba Cloud DCDN, IPA and CDN services as Prometheus metrics."""

__version__ = "0.1.0"
PROJECT_URL = "https://dcdn-exporter.example"
