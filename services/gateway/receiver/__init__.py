"""Taking pushes in: token, size, shape, a random delivery id, and a place from which nothing gets lost.

Pure here: `addresses`, `headers`, `signatures`, `reading`, `parsers`, `trimming`, `allowlist`; with a memory and no
clock: `limits`, `rates`. `reception_clock` tells config's time. What opens and closes: `spool` (a folder),
`allowlist_cache` (its subscription), `intake` (confirm or spool), `hook_span` (traces). `app` joins them as one WSGI
callable without Flask, because every hook passes through it. Whether a push starts anything is never decided here.
"""
