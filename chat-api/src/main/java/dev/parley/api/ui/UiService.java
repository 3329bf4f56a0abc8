package dev.parley.api.ui;

import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.http.PathMatchers;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.staticcontent.StaticContentService;
import java.nio.file.Path;

/**
 * The built page, where this process serves it. Register it last: a path that is neither the API's nor a file's is the
 * page's own, so a browser that asks for it gets {@code index.html}.
 */
public final class UiService implements HttpService {
    /**
     * Nothing but what comes from here, and no script that is not a file. Styles may be inline: Mermaid measures its
     * diagrams with them. Images may come from elsewhere, once their reader asks for one. The same stands in
     * images/nginx.conf; a test of the page compares the two.
     */
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            + "img-src 'self' data: https:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
            + "worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    private static final String INDEX = "/index.html";

    private final StaticContentService files;

    /** @param folder holds {@code index.html}, and under {@code assets/} files whose names change with their content */
    public UiService(Path folder) {
        this.files = StaticContentService.builder(folder)
                .welcomeFileName("index.html")
                .build();
    }

    @Override
    public void routing(HttpRules rules) {
        rules.route(Method.predicate(Method.GET, Method.HEAD), PathMatchers.any(), UiService::headers);
        rules.register("/", files);
        rules.route(Method.predicate(Method.GET, Method.HEAD), PathMatchers.any(), UiService::page);
    }

    private static void headers(ServerRequest request, ServerResponse response) {
        String path = request.path().rawPathNoParams();
        if (!api(path)) {
            response.header("Content-Security-Policy", POLICY)
                    .header(
                            "Cache-Control",
                            path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
        }
        response.next();
    }

    private static void page(ServerRequest request, ServerResponse response) {
        String path = request.path().rawPathNoParams();
        boolean wanted = request.headers().first(HeaderNames.ACCEPT).orElse("").contains("text/html");
        if (wanted && !api(path) && !path.startsWith("/assets/") && !path.equals(INDEX)) {
            response.reroute(INDEX);
        } else {
            response.next();
        }
    }

    private static boolean api(String path) {
        return path.equals("/api") || path.startsWith("/api/");
    }

    @Override
    public void beforeStart() {
        files.beforeStart();
    }

    @Override
    public void afterStop() {
        files.afterStop();
    }
}
