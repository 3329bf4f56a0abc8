# The images of the services, one target each. From the root of the project:
#   docker build -f images/services.Dockerfile --target chat-api .          (or gemini-worker, fake-gemini)
# The bases may be others where the official ones cannot be had (k8s/stand-ins).
ARG JDK_IMAGE=docker.io/library/eclipse-temurin:25-jdk
ARG BASE_IMAGE=docker.io/library/debian:13-slim

FROM ${JDK_IMAGE} AS jars
WORKDIR /src
COPY . .
RUN ./mvnw -q -B -DskipTests -pl chat-api,gemini-worker,dev-services -am package \
    && ./mvnw -q -B -pl dev-services dependency:copy-dependencies -DincludeScope=runtime \
      -DexcludeGroupIds=io.zonky.test.postgres,org.testcontainers,com.github.docker-java,net.java.dev.jna -DoutputDirectory=/src/fake/libs \
    && cp dev-services/target/dev-services-*.jar fake/fake-gemini.jar

# What the services and their libraries use of the JDK, and TLS, which nobody names.
FROM ${JDK_IMAGE} AS runtime
RUN jlink --output /runtime --strip-debug --no-header-files --no-man-pages --compress=zip-6 \
      --add-modules java.base,java.desktop,java.instrument,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.jfr,jdk.management,jdk.unsupported,jdk.zipfs

# The AOT caches are trained on a start with real servers and on some answers, in which the JVM sees what both load, link and use
# most. Its flags must be those of the run. None of the servers gets into an image.
FROM ${JDK_IMAGE} AS trained
RUN apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
      curl postgresql rabbitmq-server redis-server >/dev/null && rm -rf /var/lib/apt/lists/*
COPY --from=runtime /runtime /runtime
COPY --from=jars /src/fake /src/fake
COPY --from=jars /src/chat-api/target/chat-api.jar /app/chat-api/
COPY --from=jars /src/chat-api/target/libs /app/chat-api/libs
COPY images/jvm.options /app/chat-api/
COPY --from=jars /src/gemini-worker/target/gemini-worker.jar /app/gemini-worker/
COPY --from=jars /src/gemini-worker/target/libs /app/gemini-worker/libs
COPY images/jvm.options /app/gemini-worker/
COPY images/train /
RUN /train

FROM ${BASE_IMAGE} AS chat-api
LABEL org.opencontainers.image.title="Parley chat-api" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="chat-api of Parley, a self-hosted AI chat that never loses an answer"
COPY --from=runtime /runtime /runtime
COPY --from=trained /app/chat-api /app/chat-api
WORKDIR /app/chat-api
USER 65532:65532
EXPOSE 8000 9100
ENTRYPOINT ["/runtime/bin/java", "@jvm.options", "-XX:AOTCache=chat-api.aot", "-jar", "chat-api.jar"]

FROM ${BASE_IMAGE} AS gemini-worker
LABEL org.opencontainers.image.title="Parley gemini-worker" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="gemini-worker of Parley, a self-hosted AI chat that never loses an answer"
COPY --from=runtime /runtime /runtime
COPY --from=trained /app/gemini-worker /app/gemini-worker
WORKDIR /app/gemini-worker
USER 65532:65532
EXPOSE 9101
ENTRYPOINT ["/runtime/bin/java", "@jvm.options", "-XX:AOTCache=gemini-worker.aot", "-jar", "gemini-worker.jar"]

# Answers where there is no key to Gemini: for a first look and for proofs.
FROM ${BASE_IMAGE} AS fake-gemini
LABEL org.opencontainers.image.title="Parley fake Gemini" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="A server that speaks the part of the Gemini API that Parley uses, and makes up its answers"
COPY --from=runtime /runtime /runtime
COPY --from=jars /src/fake /app
WORKDIR /app
USER 65532:65532
EXPOSE 8090
ENTRYPOINT ["/runtime/bin/java", "-XX:+UseSerialGC", "-XX:MaxRAMPercentage=50", "-cp", "fake-gemini.jar:libs/*", "dev.parley.dev.gemini.FakeGemini", "--bind=0.0.0.0", "--port=8090"]
