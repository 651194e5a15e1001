"""The rules of a call: no Django, no clock, no randomness.

`vocabulary` names every state, event and reason; `machine` is the one table of what may happen;
`protocol` is every message that may cross the socket; `snapshot` is a call as one person may see it;
`errors` is what can go wrong, with a stable code and a sentence.
"""
