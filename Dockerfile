# One image for web, workers and beat. No build tools: every package comes as a wheel.
FROM python:3.11-slim-bookworm

# docker-compose.gpu.yml builds with requirements-gpu.txt instead.
ARG REQUIREMENTS=requirements.txt
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH

RUN useradd --system --create-home --uid 10001 marginalia \
 && mkdir /data && chown marginalia:marginalia /data

COPY requirements*.txt /tmp/
RUN python3 -m venv /opt/venv \
 && pip install --no-cache-dir --disable-pip-version-check --require-hashes --compile -r /tmp/$REQUIREMENTS \
 && rm /tmp/requirements*.txt

WORKDIR /app
COPY manage.py ./
COPY annotator annotator
COPY trainer trainer
COPY web web
COPY words words
RUN python3 -m compileall -q annotator trainer web words

USER marginalia
ENV DATA_DIR=/data HOST=0.0.0.0 PORT=8000
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "--config", "python:web.gunicorn", "web.wsgi"]
