package dev.parley.pipeline.redis;

import io.lettuce.core.codec.Base16;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** A Lua script, sent by its digest and, where the server does not know it, once more by its source. */
public record Script(String source, String digest) {
    public static Script of(String source) {
        return new Script(source, Base16.digest(source.getBytes(StandardCharsets.UTF_8)));
    }

    /** A script that lies beside a class as a resource. */
    public static Script resource(Class<?> owner, String name) {
        try (InputStream in = owner.getResourceAsStream(name)) {
            return of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
