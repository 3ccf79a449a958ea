# The documentation as static files; what builds it stays out of the image.
FROM python:3.13-slim AS site
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN python3 -m venv /venv && /venv/bin/python -m pip install --quiet --no-cache-dir uv==0.13.8 \
 && /venv/bin/uv export --quiet --frozen --only-group site --no-emit-project --output-file /tmp/requirements.txt \
 && /venv/bin/python -m pip install --quiet --no-cache-dir --require-hashes --requirement /tmp/requirements.txt
COPY . .
RUN /venv/bin/python scripts/site --to /site

# helm and kubectl, checked, for charts and overlays.
FROM python:3.13-slim AS programs
COPY scripts/programs /programs
RUN python3 -m venv /venv && /venv/bin/python /programs --to /bin-of-programs

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH PORTSIDE_HOME=/var/lib/portside
WORKDIR /app
# Dependencies first: they change less often than the code.
COPY pyproject.toml uv.lock ./
RUN python3 -m venv /venv && /venv/bin/python -m pip install --quiet --no-cache-dir uv==0.13.8 \
 && uv export --quiet --frozen --no-dev --extra traces --no-emit-project --output-file /tmp/requirements.txt \
 && /venv/bin/python -m pip install --quiet --no-cache-dir --require-hashes --requirement /tmp/requirements.txt \
 && /venv/bin/python -m pip uninstall --quiet --yes uv && rm /tmp/requirements.txt
# Its group is root's and may do what its user may, so that any user id with that group works too (OpenShift's are random).
RUN useradd --uid 10001 --gid 0 --home-dir /var/lib/portside --create-home --shell /usr/sbin/nologin portside \
 && mkdir -p /secrets/public /secrets/private /secrets/gateway /secrets/admin /secrets/broker /secrets/broker-config /secrets/database /secrets/database-config \
 && chown -R 10001:0 /secrets /var/lib/portside && chmod -R g=u /secrets /var/lib/portside && chmod o= /var/lib/portside
COPY shared shared
COPY services services
COPY cli cli
COPY demo demo
COPY --from=site /site .site
COPY --from=programs /bin-of-programs /usr/local/bin
# Its user may not write here, so what is not compiled now would be compiled at every start.
RUN python -m compileall -q shared services cli demo
RUN printf '#!/bin/sh\nexec python -m cli "$@"\n' > /usr/local/bin/portside && chmod 755 /usr/local/bin/portside
ENV PYTHONPATH=/app
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="Portside" \
      org.opencontainers.image.version="$VERSION" org.opencontainers.image.revision="$REVISION"
# A number: only that can be seen not to be root.
USER 10001:0
CMD ["portside", "--help"]
