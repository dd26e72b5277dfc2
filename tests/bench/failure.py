"""Why a benchmark ended early."""

from deploy.swarm.errors import Failed

__all__ = ["Failed"]
