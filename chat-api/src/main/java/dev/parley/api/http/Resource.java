package dev.parley.api.http;

import io.helidon.http.Method;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRules;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * The routes of one resource: each knows its pattern, for the metrics, and a method that a path does not take is a 405
 * that says which ones it takes.
 *
 * <pre>{@code
 * Resource.at("/api/chats", rules).get("", this::list).post("", this::create).get("/{chatId}", this::find).seal();
 * }</pre>
 */
public final class Resource {
    private final String base;
    private final HttpRules rules;
    private final Map<String, TreeSet<String>> methods = new LinkedHashMap<>();

    private Resource(String base, HttpRules rules) {
        this.base = base;
        this.rules = rules;
    }

    /** @param base the path under which all of the resource's paths are */
    public static Resource at(String base, HttpRules rules) {
        return new Resource(base, rules);
    }

    public Resource get(String path, Handler handler) {
        return route(Method.GET, path, handler);
    }

    public Resource post(String path, Handler handler) {
        return route(Method.POST, path, handler);
    }

    public Resource put(String path, Handler handler) {
        return route(Method.PUT, path, handler);
    }

    public Resource patch(String path, Handler handler) {
        return route(Method.PATCH, path, handler);
    }

    public Resource delete(String path, Handler handler) {
        return route(Method.DELETE, path, handler);
    }

    private Resource route(Method method, String path, Handler handler) {
        String pattern = base + path;
        methods.computeIfAbsent(pattern, p -> new TreeSet<>()).add(method.text());
        rules.route(method, pattern, (request, response) -> {
            Exchange.of(request).entered(pattern);
            handler.handle(request, response);
        });
        return this;
    }

    /** Refuses every other method; comes last. */
    public void seal() {
        methods.forEach((pattern, allowed) -> rules.any(pattern, (request, response) -> {
            Exchange.of(request).entered(pattern);
            throw Problem.methodNotAllowed(String.join(", ", allowed));
        }));
    }
}
