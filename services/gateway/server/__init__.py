"""The HTTP server: one loop reads every connection without waiting, and a thread begins with a complete request.

`worker` is gunicorn's worker with that loop and tells why; `answering` is what its threads do; `connection` is one
connection as the loop sees it, with its deadlines; `outlet` is where an answer is written to; `tls` the gateway's own
certificate; `log` gunicorn's lines in the process's own chain. Pure: `framing` (where a request ends),
`connection_book` (who has to go when there are too many); with a file: `request_store` (what has come of a request).
What a request means is never decided here.
"""
