# The image of every step: `make image` builds it and labels it. Both builders of `docker build` take this file, so it
# uses nothing that BuildKit alone knows. Whatever is needed for building alone stays in the first stage: settings and
# addresses of the package index, a certificate authority, pip, sources.

ARG BASE=python:3.11-slim

FROM ${BASE} AS build

# 1: PyTorch without the libraries for GPUs, which are most of the image, from an index that has it.
ARG CPU=
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
# pip's own settings, as its documentation names them; absent ones are pip's defaults.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_NO_INDEX
ARG PIP_TRUSTED_HOST
ARG PIP_DEFAULT_TIMEOUT

# The constraints hold for what builds packages, too.
ENV PIP_CONSTRAINT=/src/constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

# build-ca.crt is there where the index has an authority of its own (`make image CA=FILE`).
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE build-ca.cr[t] ./
RUN set -eu; \
    if [ -f build-ca.crt ]; then python -m pip config --global set global.cert /src/build-ca.crt; fi; \
    python -m venv --without-pip /opt/nasflow; \
    python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
        > requirements.txt

# What nasflow needs, before nasflow itself: a change of the code does not fetch PyTorch again.
RUN set -eu; \
    if [ "${CPU}" = 1 ]; then \
        python -m pip --python /opt/nasflow/bin/python install --no-deps --index-url "${TORCH_CPU_INDEX}" torch torchvision; \
    fi; \
    python -m pip --python /opt/nasflow/bin/python install --requirement requirements.txt

# Last: any user may read everything, nobody but root may write it, and the pins stay for `nasflow image`.
COPY nasflow nasflow
COPY components components
COPY pipelines pipelines
RUN set -eu; \
    python -m pip --python /opt/nasflow/bin/python install --no-deps .; \
    cp constraints.txt /opt/nasflow/constraints.txt; \
    find /opt/nasflow ! -type l \( ! -perm -g+r -o ! -perm -o+r -o -perm /g+w,o+w \) -exec chmod a+rX,go-w {} +


FROM ${BASE}

LABEL org.opencontainers.image.title="nasflow" \
      org.opencontainers.image.description="Neural architecture search as a Kubeflow pipeline: the image of every step." \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=build /opt/nasflow /opt/nasflow
RUN install -d -m 1777 /cache

# A user without an entry in /etc/passwd has a name and a home all the same. What is written goes to /tmp and /cache.
ENV PATH=/opt/nasflow/bin:$PATH \
    HOME=/tmp \
    USER=nasflow \
    LOGNAME=nasflow \
    NASFLOW_CACHE=/cache \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /tmp
VOLUME /cache
USER 10001:0

# Kubeflow and kfp.local bring their own command, so there is no entry point for it to be appended to.
CMD ["nasflow", "--help"]
