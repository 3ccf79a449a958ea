"""Short-lived sign-ins of AWS, Google Cloud and Azure, at their clusters and registries.

`sign_in` reads what an endpoint says, `login` keeps one token and renews it before its end, `minted` holds what both
speak of. `aws`, `google` and `azure` know one vendor's requests each, `sigv4` signs those of AWS. `vendor_service` asks
a vendor with the runner's clock set right, and `pod_identity` what proves the identity of the runner's own pod.

Tokens stay in this process: never in a message, a handle or a log. Never here: what is done with a token.
"""

from .login import CloudLogin, CloudLogins
from .minted import CloudProblem, Minted
from .sign_in import CloudSignIn, sign_in_of

__all__ = ["CloudLogin", "CloudLogins", "CloudProblem", "CloudSignIn", "Minted", "sign_in_of"]
