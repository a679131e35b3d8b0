# The worker. TORCH=cuda (the package index's own build for Linux) or TORCH=cpu. The CUDA
# libraries come with torch; the host needs the NVIDIA driver and its container toolkit.
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ARG TORCH=cuda
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /venv
# torch first, in a layer of its own: it is large and changes seldom.
COPY constraints.txt .
RUN set -eu; \
    torch=$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' constraints.txt); \
    if [ "$TORCH" = cpu ]; then \
        pip install -c constraints.txt uv; \
        uv pip install --no-cache --python /venv/bin/python --torch-backend=cpu \
            -c constraints.txt "$torch"; \
    else \
        /venv/bin/pip install -c constraints.txt "$torch"; \
    fi
COPY . .
RUN /venv/bin/pip install -c constraints.txt ".[worker,quantize]"

FROM ${PYTHON}
# The volume for models takes its owner from this directory.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp newbie \
    && install -d -o 10001 -g 10001 /models
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/models/.huggingface \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /srv
VOLUME /models
USER 10001:10001
CMD ["python", "-m", "worker"]
