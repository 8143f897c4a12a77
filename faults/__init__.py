"""Faults on purpose: what is lost, what is repeated, what the function notices.

``catalogue``   what goes wrong with Firehose     ``ends``       how an environment ends
``deployment``  the function in a local Lambda    ``account``    accepted against delivered
``cell``        one fault, one policy, one end    ``matrix``     many of them, and their table
``kill``        SIGKILL at random moments         ``soak``       half an hour of faults
``fuzz``        hypothesis on the readers         ``mutants``    promises with their code taken out
``report``      the tables of docs/reliability.md

``python -m faults --help`` runs them. Real processes, real signals, real sockets; loopback only.
"""
