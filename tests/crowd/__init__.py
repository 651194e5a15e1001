"""Many at once: a crowd of asyncio clients on a real server. Short versions are tests; the full ones are commands.

python -m tests.crowd.full_size     500 calls placed in the same second, beside 5,000 idle sockets
python -m tests.crowd.day           sockets that outlive every time limit; the server's memory meanwhile
python -m tests.crowd.neighbours    what a deaf page and a flood cost everybody else
"""
