"""Connections to the outside, for every service: where they may lead, how long they may take, how much they may bring.

`http` is the one HTTP client; `library_pool` puts its bounds around a
library's own. `guard` opens every TCP connection and checks the address it really connects to;
`redirects` decides the next hop; `tls` which server certificates to accept; `cancel_scope` ends what takes too long by
closing its sockets; `failures` words the cause of a failed connection.

Never here: what an answer means, and any protocol above HTTP.
"""
