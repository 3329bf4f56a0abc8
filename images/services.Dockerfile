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

# The AOT cache is trained on a start without servers, which loads and links what a start needs, and which SIGTERM ends. The flags
# must be those of the run, so the last line asks the JVM to refuse a cache that it cannot use: a build without one fails.
FROM runtime AS trained-chat-api
WORKDIR /app
COPY --from=jars /src/chat-api/target/chat-api.jar ./
COPY --from=jars /src/chat-api/target/libs libs
COPY images/jvm.options images/train ./
RUN ./train chat-api

FROM runtime AS trained-gemini-worker
WORKDIR /app
COPY --from=jars /src/gemini-worker/target/gemini-worker.jar ./
COPY --from=jars /src/gemini-worker/target/libs libs
COPY images/jvm.options images/train ./
RUN ./train gemini-worker

FROM ${BASE_IMAGE} AS chat-api
LABEL org.opencontainers.image.title="Parley chat-api" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="chat-api of Parley, a self-hosted AI chat that never loses an answer"
COPY --from=trained-chat-api /runtime /runtime
COPY --from=trained-chat-api /app /app
WORKDIR /app
USER 65532:65532
EXPOSE 8000 9100
ENTRYPOINT ["/runtime/bin/java", "@jvm.options", "-XX:AOTCache=chat-api.aot", "-jar", "chat-api.jar"]

FROM ${BASE_IMAGE} AS gemini-worker
LABEL org.opencontainers.image.title="Parley gemini-worker" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="gemini-worker of Parley, a self-hosted AI chat that never loses an answer"
COPY --from=trained-gemini-worker /runtime /runtime
COPY --from=trained-gemini-worker /app /app
WORKDIR /app
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
