"""Launching gateway processes and talking to them: the control process and the supervisor live here too.

Owns the data directory's layout, the admin socket's client side, plan delivery and process supervision. It serves no
model traffic itself: that is the native module's, in the gateway process. This module imports nothing, so that the
gateway process stays small.
"""
