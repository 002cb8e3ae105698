# One file, three images: `airflow`; `spark`, which is the stream; and `dashboard`, which is also the publisher and
# the command line. None of them holds a secret, and none runs as root: LETHE_UID and LETHE_GID are yours, so that
# you can hand the containers files that only you may read.

FROM python:3.11.15-slim-bookworm AS python
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PATH=/opt/lethe/venv/bin:$PATH


# The environment, each file by its hash. pyspark comes as source only, and has nothing to compile.
FROM python AS environment
COPY requirements.txt /build/
RUN python -m venv /opt/lethe/venv \
 && pip install --require-hashes --only-binary :all: --no-binary pyspark -r /build/requirements.txt


# Spark's jars: those that the checksums name, and no others.
FROM maven:3.9.12-eclipse-temurin-17 AS jars
COPY lethe/stack/maven/spark/pom.xml lethe/stack/checksums/spark.sha256 /build/
WORKDIR /opt/lethe/jars
RUN mvn --quiet --batch-mode --file /build/pom.xml \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory=/build/jars \
 && cut --characters=67- /build/spark.sha256 | xargs -I {} mv /build/jars/{} . \
 && sha256sum --check --strict --quiet /build/spark.sha256


# A volume takes owner and mode of the folder that it is first mounted on: those in /volumes are the servers'.
FROM python AS lethe
ARG LETHE_UID=1000
ARG LETHE_GID=1000
RUN test "$LETHE_UID" -gt 0 -a "$LETHE_GID" -gt 0 \
 && groupadd --non-unique --gid "$LETHE_GID" lethe \
 && useradd --non-unique --uid "$LETHE_UID" --gid "$LETHE_GID" --home-dir /tmp --no-create-home lethe \
 && for folder in /var/lib/lethe /var/lib/lethe/airflow /var/lib/lethe/logs /var/lib/lethe/logs/airflow \
        /var/lib/lethe-control /var/lib/lethe-evidence /volumes/kafka /volumes/cassandra /volumes/mongodb /volumes/postgres; do \
        install -d -o lethe -g lethe -m 700 "$folder"; \
    done
COPY --from=environment /opt/lethe/venv /opt/lethe/venv
COPY --chmod=755 containers/lethe /opt/lethe/venv/bin/lethe
WORKDIR /app
ENV PYTHONPATH=/app HOME=/tmp
COPY register.yaml ./
COPY docs/policies docs/policies
COPY lethe lethe
COPY containers/health.py containers/
RUN python -m compileall -q lethe


FROM lethe AS airflow
COPY containers/airflow containers/airflow
RUN pip install --no-deps --require-hashes --only-binary :all: -r containers/airflow/requirements.txt
COPY dags dags
COPY plugins plugins
RUN python -m compileall -q dags plugins
USER lethe


FROM lethe AS spark
# The packaging of Java wants a folder that slim images lack.
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/*
COPY --from=jars /opt/lethe/jars /opt/lethe/jars
COPY containers/stream containers/stream
COPY spark_apps spark_apps
RUN python -m compileall -q spark_apps
USER lethe


FROM lethe AS dashboard
COPY dashboard dashboard
RUN python -m compileall -q dashboard
USER lethe
