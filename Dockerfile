# docker build -t parley .
# docker run --rm -p 3000:3000 --env-file .env parley       (prints a login link)
# docker run --rm -p 3000:3000 --read-only --cap-drop ALL parley
FROM python:3.13-slim AS build

# espeak: the speaking voice, GPL-3.0-or-later. none: leaves it out; the engine then speaks in tones and captions.
ARG VOICE=espeak
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv --without-pip /opt/parley
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/parley/bin/python install --quiet --disable-pip-version-check \
        --root-user-action ignore --only-binary :all: --require-hashes -r requirements.txt
# GPL-3 asks for its text and a way to the source wherever the library goes.
RUN mkdir -p /opt/doc/espeak-ng \
    && if [ "$VOICE" = none ]; then \
        python -m pip --python /opt/parley/bin/python uninstall --quiet --yes --root-user-action ignore espeakng-loader; \
    else \
        cp /usr/share/common-licenses/GPL-3 /opt/doc/espeak-ng/copyright \
        && echo "Source of libespeak-ng: https://github.com/espeak-ng/espeak-ng" > /opt/doc/espeak-ng/SOURCE; \
    fi

FROM python:3.13-slim

# "auto" is no secret: it makes a new token at every start.
# hadolint ignore=DL3064
ENV PATH=/opt/parley/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=3000 ACCESS_TOKEN=auto
COPY --from=build /opt/parley /opt/parley
COPY --from=build /opt/doc /usr/share/doc
WORKDIR /app
COPY LICENSE NOTICE ./
COPY rtclient rtclient
COPY server server
COPY public public
USER 10001:10001
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["python", "-m", "server"]
