# syntax=docker/dockerfile:1
# Build from the root of the project: docker build -f images/gemini-worker.Dockerfile .
FROM docker.io/library/eclipse-temurin:25-jdk AS build
WORKDIR /src
COPY . .
RUN ./mvnw -q -B -DskipTests -pl gemini-worker -am package
# What the service and its libraries use of the JDK, and TLS, which nobody names.
RUN jlink --output /runtime --strip-debug --no-header-files --no-man-pages --compress=zip-6 \
      --add-modules java.base,java.desktop,java.instrument,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.jfr,jdk.management,jdk.unsupported,jdk.zipfs
WORKDIR /app
RUN cp /src/gemini-worker/target/gemini-worker.jar . && cp -r /src/gemini-worker/target/libs libs
COPY images/jvm.options .
# Trained on a start that ends as there are no servers: the classes are loaded and linked by then. The flags must be those
# of the run. A build whose training fails has no cache and starts slower.
RUN DATABASE_URL=postgresql://p:p@127.0.0.1:1/p REDIS_URL=redis://127.0.0.1:1/0 RABBITMQ_URL=amqp://p:p@127.0.0.1:1/p GEMINI_API_KEYS=none \
      timeout -s TERM 20 /runtime/bin/java @jvm.options -XX:AOTCacheOutput=/app/gemini-worker.aot -jar gemini-worker.jar || true
RUN touch gemini-worker.aot

FROM docker.io/library/debian:13-slim
LABEL org.opencontainers.image.title="Parley gemini-worker" org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="gemini-worker of Parley, a self-hosted AI chat that never loses an answer"
COPY --from=build /runtime /runtime
COPY --from=build /app /app
WORKDIR /app
USER 65532:65532
EXPOSE 9101
ENTRYPOINT ["/runtime/bin/java", "@jvm.options", "-XX:AOTCache=/app/gemini-worker.aot", "-jar", "gemini-worker.jar"]
