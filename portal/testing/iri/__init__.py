"""A small facility of the DOE IRI Facility API, versions 1 and 2, whose jobs really run.

For tests of clients, and for trying Portal without an account::

    with serve(LocalCompute(workspace=...)) as server:
        token = server.tokens.issue(seconds=600)
        requests.get(f"{server.api(2)}/facility", verify=server.ca_file)

Where the documents leave something open, it does as their reference implementation:

- A request of the wrong form is answered 400, one that cannot be done as asked 422.
- ``Idempotency-Key`` is known in version 2 only, as is the rule that a job's account is named in
  exactly one place. Filters of a list of jobs are ``id``, ``name``, ``state``, ``account``,
  ``queue_name``, each for equality.
- Of a job that waits or runs only the name can be changed. Containers and launchers are refused.
- A path that is seen to lead out of the file system is refused at once (403), one that does so by
  links fails its task. :mod:`portal.testing.iri.files` says what tasks give.
"""

from portal.testing.iri.facility import Facility, Incident
from portal.testing.iri.faults import Faults
from portal.testing.iri.server import IriServer, serve
from portal.testing.iri.tokens import Tokens

__all__ = ["Facility", "Faults", "Incident", "IriServer", "Tokens", "serve"]
