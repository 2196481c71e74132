# One image; the command line picks the role: `breakwater worker --role detect --config /etc/breakwater/breakwater.yaml`.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /build
RUN python -m venv /opt/breakwater
# The locked dependencies first: they change less often than our own code.
COPY requirements/runtime.lock requirements/runtime.lock
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/breakwater/bin/pip install --require-hashes -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY detectors detectors
COPY response response
COPY drills drills
COPY streams streams
RUN /opt/breakwater/bin/pip install --no-deps --no-build-isolation . \
    && /opt/breakwater/bin/pip uninstall --yes pip setuptools \
    && /opt/breakwater/bin/python -m compileall -q /opt/breakwater/lib

FROM python:3.11.13-slim-bookworm
LABEL org.opencontainers.image.title="Breakwater" \
      org.opencontainers.image.description="Sees a contact-centre outage as one event and says what to do about it" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 breakwater \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/breakwater --shell /usr/sbin/nologin breakwater \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/breakwater \
    && install -d /etc/breakwater
COPY --from=build /opt/breakwater /opt/breakwater
ENV PATH=/opt/breakwater/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BREAKWATER_STATE_DIRECTORY=/var/lib/breakwater \
    BREAKWATER_WEB__HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/breakwater
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import sys, urllib.request as u; sys.exit(u.urlopen('http://127.0.0.1:8080/readyz', timeout=2).status != 200)"]
ENTRYPOINT ["breakwater"]
CMD ["worker", "--role", "all", "--config", "/etc/breakwater/breakwater.yaml"]
