"""A Docker Hub on loopback: the management API, the registry with its token service, and the sending of hooks.

It keeps to the facts that are known of the real one (who may sign in, paging, slugs, the several shapes of errors,
`X-Retry-After` as a Unix time) and checks what it is sent. Tests and the demo steer it through `/_fake/…`: push an
image, add accounts and repositories, let the next calls fail in a chosen way, look at the state.

From the top: `__main__` starts `server`, which serves HTTP in front of the routes: `auth` (sign-in), `hooks` and `tags`
(management), `registry` (reading), `uploads` (pushing), and `admin` (`/_fake/…`). `delivery` sends pushes to hooks.
`world` holds the state, `faults` what the next calls meet, `http` requests and answers as values.
"""
