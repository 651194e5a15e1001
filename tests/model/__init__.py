"""A model of the protocol, explored completely: every order in which messages, taps and timers can fall.

The server of the model decides with the very `calls.core.machine`; around it stand what a database promises (locks,
unique constraints, receipts), devices that behave as the page does, and a network that promises nothing: whatever was
ever sent may arrive now, again, later or never. So loss, repeats and reordering need no bounds, and no queues.
What is abstracted: time is "before the deadline" or "after it"; a lease may run out whenever its device is away; the
peer stream is one message for each peer connection; reloads are counted, for each makes a new epoch; the exchange knows
the newest row; a page waits for one answer at a time, and answers or places one call, and then only switches to others.
What is not in it: `alert` and `move`, what admins and the system do, blocks, and who is busy to a second caller.

Connections have serial numbers that no guard reads (`world.Connection`), for a property that asks what a guard asks
holds by itself.
"""
