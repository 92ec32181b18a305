# syntax=docker/dockerfile:1
# One image for every role: ingest, workers, beat, Flower, migrations and the `timingle` command.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The environment gets no pip of its own: this stage's pip fills it.
RUN python -m venv --without-pip /opt/timingle
COPY locks/ locks/
RUN pip --python /opt/timingle/bin/python install --only-binary=:all: --require-hashes --requirement locks/run.txt \
    && pip install --only-binary=:all: --require-hashes --requirement locks/build.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheels . \
    && pip --python /opt/timingle/bin/python install --no-deps --no-index /tmp/wheels/*.whl \
    && /opt/timingle/bin/python -m reports.font_pinning /opt/timingle/fonts

FROM python:3.11-slim-bookworm
# A new volume takes the owner of the folder that it is mounted on.
RUN useradd --system --uid 10001 --home-dir /var/lib/timingle timingle \
    && install --directory --owner=timingle --group=timingle /var/lib/timingle /var/lib/timingle/beat /var/lib/timingle/flower /var/lib/timingle/reports
COPY --from=build /opt/timingle /opt/timingle
ENV PATH=/opt/timingle/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/timingle
USER 10001
CMD ["timingle", "--help"]
