"""Redis: publications, subscriptions and the registry of gateways. The one home of redis-py."""
