"""What the bulk operators cost, measured beside the other ways to make the same calls.

::

    .venv/bin/python -m benchmarks                 everything, about twenty minutes; writes docs/benchmarks.md and .svg
    .venv/bin/python -m benchmarks --only memory   one line of it, printed and not written
    .venv/bin/python -m benchmarks --only crowd --write   ... and written into its section of docs/benchmarks.md
    .venv/bin/python -m benchmarks --quick         a smoke run with few records; its numbers mean nothing

How a number comes about:

* Every measured program (``programs/``) is a child process of its own. It reads a job, starts up, and measures its work
  with the operating system's count of its CPU time; its peak memory is what ``wait4`` says of it afterwards.
* It talks to a server (``server.py``) that is another process on this machine, fresh for each program. The server
  answers one canned appointment under any id and counts the calls for each id.
* Programs that are compared run in turns, A B A B, and the median of the turns counts.
* The budgets of the Connection are set to more calls a minute than any program can make, except in the line that is
  about budgets.
* ``HttpOperator``, botocore and other limiters are no part of the development environment: the command makes
  environments for them in a temporary folder (``environments.py``), from pinned versions.

* Where several processes share a budget (``crowd.py``), they are started first, begin together, and use one server. A
  server with a shorter minute makes such a line shorter. Without ``redis-server``, what needs it is left out.

``lines/`` holds one module a line; ``document.py`` and ``chart.py`` make what stands in ``docs/``.
"""
