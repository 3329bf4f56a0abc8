package dev.parley.dev.server;

import java.util.Optional;

/** The servers Parley knows, and where each may come from. */
enum Kind {
    POSTGRES("PostgreSQL", "DATABASE_URL", Optional.empty(), "postgres:17", 5432, Optional.empty()),
    REDIS("Redis", "REDIS_URL", Optional.of("redis-server"), "redis:7", 6379, Optional.of("redis-server")),
    RABBITMQ(
            "RabbitMQ",
            "RABBITMQ_URL",
            Optional.of("rabbitmq-server"),
            "rabbitmq:4.0",
            5672,
            Optional.of("rabbitmq-server"));

    /** How people call it. */
    final String title;
    /** The environment variable that names a server of the user's own. */
    final String variable;
    /** The program that is looked for on the PATH. */
    final Optional<String> program;
    /** The image that a Docker engine runs. */
    final String image;
    /** The port inside a container. */
    final int port;
    /** The Debian package that brings the program. */
    final Optional<String> aptPackage;

    Kind(String title, String variable, Optional<String> program, String image, int port, Optional<String> aptPackage) {
        this.title = title;
        this.variable = variable;
        this.program = program;
        this.image = image;
        this.port = port;
        this.aptPackage = aptPackage;
    }

    /** The folder and log name. */
    String folder() {
        return this == POSTGRES ? "postgres" : program.orElseThrow().replace("-server", "");
    }
}
