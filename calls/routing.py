"""The one socket: /ws/."""

from .consumers import SignalingConsumer

socket_application = SignalingConsumer.as_asgi()
