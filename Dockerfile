# One image, three roles: `serve` (api, interview or all), `work`, `relay`; and every other command.
# Built for linux/amd64 and linux/arm64 from wheels alone: no compiler, nothing fetched that
# requirements.lock does not pin by hash.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv /opt/entrevistador
WORKDIR /build
COPY requirements.lock ./
RUN /opt/entrevistador/bin/python -m pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY cli cli
COPY client client
COPY deploy deploy
COPY fleet fleet
COPY interview interview
COPY llm llm
COPY loadtest loadtest
COPY pipeline pipeline
COPY protocol protocol
COPY runtime runtime
COPY server server
COPY storage storage
COPY web web
RUN /opt/entrevistador/bin/python -m pip wheel --no-deps --no-build-isolation -w /wheels . \
    && /opt/entrevistador/bin/python -m pip install --no-deps /wheels/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="entrevistador" \
      org.opencontainers.image.description="An interview server: live interviews, CVs, reports" \
      org.opencontainers.image.licenses="Apache-2.0"
# catdoc reads old Word files in the parser's child process; tini reaps what a killed child leaves.
# The versions are the base image's distribution's own.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends catdoc tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/entrevistador \
        --shell /usr/sbin/nologin entrevistador \
    && install -d -o entrevistador -g entrevistador -m 0750 /var/lib/entrevistador
COPY --from=build /opt/entrevistador /opt/entrevistador
# PYTHONSAFEPATH: nothing is imported from the folder a process happens to stand in.
ENV PATH=/opt/entrevistador/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENTREVISTADOR_HOST=0.0.0.0 \
    ENTREVISTADOR_STATE_DIR=/var/lib/entrevistador
WORKDIR /var/lib/entrevistador
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Live, not ready: an instance that drains is not ready and must not be killed for it. Roles that
# serve nothing (work, relay) are healthy while they run.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; b'serve' in open('/proc/1/cmdline', 'rb').read() and r.urlopen('http://127.0.0.1:' + os.environ.get('ENTREVISTADOR_PORT', '8000') + '/health/live', timeout=4)"]
ENTRYPOINT ["tini", "--", "entrevistador"]
CMD ["serve", "--role", "all"]
