package dev.parley.dev.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One way to come by a server. */
sealed interface Way {
    /** Somebody else's server, named by the user. */
    record Environment(String url) implements Way {}

    /** PostgreSQL's programs from the class path. */
    record Embedded() implements Way {}

    /** A program that is installed. */
    record Installed(Path program) implements Way {}

    /** A container; the image may turn out not to be had. */
    record Docker(String image) implements Way {}

    /** A Debian package to install first. */
    record Apt(String aptPackage) implements Way {}

    /** The ways open to {@code kind} on this machine, best first. Empty when there is none. */
    static List<Way> to(Kind kind, Machine machine) {
        Optional<String> url = machine.variable(kind.variable);
        if (url.isPresent()) {
            return List.of(new Environment(url.get()));
        }
        List<Way> ways = new ArrayList<>();
        if (kind == Kind.POSTGRES && machine.hasEmbeddedPostgres()) {
            ways.add(new Embedded());
        }
        kind.program.flatMap(machine::find).map(Installed::new).ifPresent(ways::add);
        if (machine.hasDocker()) {
            ways.add(new Docker(kind.image));
        }
        if (machine.canInstall()) {
            kind.aptPackage.map(Apt::new).ifPresent(ways::add);
        }
        return List.copyOf(ways);
    }

    /** The sentence for a machine on which no way led to {@code kind}; {@code tried} says what was tried and failed. */
    static String none(Kind kind, List<String> tried) {
        StringBuilder text =
                new StringBuilder("Parley needs " + kind.title + " and found none. Any one of these helps: set "
                        + kind.variable + " to the address of a server you have");
        kind.aptPackage.ifPresent(name -> text.append("; install it, so that ")
                .append(kind.program.orElseThrow())
                .append(" is on the PATH (Debian, Ubuntu: sudo apt-get install ")
                .append(name)
                .append(", or run Parley as root, which installs it)"));
        text.append("; start a Docker engine that has or can pull ")
                .append(kind.image)
                .append(
                        kind == Kind.POSTGRES
                                ? "; use Linux with glibc on amd64 or arm64, for which PostgreSQL is built in."
                                : ".");
        if (!tried.isEmpty()) {
            text.append(" Tried: ").append(String.join("; ", tried)).append('.');
        }
        return text.toString();
    }
}
