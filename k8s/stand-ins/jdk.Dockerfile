FROM debian:13-slim
# Like the official image, for jlink --strip-debug.
RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends binutils >/dev/null && rm -rf /var/lib/apt/lists/*
COPY jdk /opt/java/openjdk
COPY m2 /root/.m2
ENV JAVA_HOME=/opt/java/openjdk PATH=/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
