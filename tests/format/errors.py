"""Why something is not read."""


class Damaged(Exception):
    """It is not what docs/format.md says that poof writes."""
