# The bot: Python and the queue's client, no torch. EXTRAS=bot,playground adds the playground.
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ARG EXTRAS=bot
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /venv
COPY . .
RUN /venv/bin/pip install -c constraints.txt ".[${EXTRAS}]"

FROM ${PYTHON}
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp newbie
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Empty: there is no `.env` here, settings come from the environment and from /run/secrets.
WORKDIR /srv
USER 10001:10001
CMD ["python", "-m", "bot"]
