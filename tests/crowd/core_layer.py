"""The product's settings, but with the channel layer whose memberships have a term. For servers of tests."""

from config.settings import *  # noqa: F403
from config.settings import REDIS_URL

GROUP_EXPIRY_SECONDS = 2

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "group_expiry": GROUP_EXPIRY_SECONDS},
    }
}
