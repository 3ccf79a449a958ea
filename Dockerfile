FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH PORTSIDE_HOME=/var/lib/portside
WORKDIR /app
# Dependencies first: they change less often than the code.
COPY pyproject.toml uv.lock ./
RUN python3 -m venv /venv && /venv/bin/python -m pip install --quiet --no-cache-dir uv==0.13.8 \
 && uv export --quiet --frozen --no-dev --no-emit-project --output-file /tmp/requirements.txt \
 && /venv/bin/python -m pip install --quiet --no-cache-dir --require-hashes --requirement /tmp/requirements.txt \
 && /venv/bin/python -m pip uninstall --quiet --yes uv && rm /tmp/requirements.txt
RUN useradd --uid 10001 --home-dir /var/lib/portside --create-home --shell /usr/sbin/nologin portside \
 && mkdir -p /secrets/public /secrets/private /secrets/gateway /secrets/admin /secrets/broker /secrets/broker-config /secrets/database /secrets/database-config \
 && chown -R portside:portside /secrets /var/lib/portside && chmod 700 /var/lib/portside
COPY shared shared
COPY services services
COPY cli cli
COPY demo demo
# Its user may not write here, so what is not compiled now would be compiled at every start.
RUN python -m compileall -q shared services cli demo
RUN printf '#!/bin/sh\nexec python -m cli "$@"\n' > /usr/local/bin/portside && chmod 755 /usr/local/bin/portside
ENV PYTHONPATH=/app
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="Portside" \
      org.opencontainers.image.version="$VERSION" org.opencontainers.image.revision="$REVISION"
USER portside
CMD ["portside", "--help"]
