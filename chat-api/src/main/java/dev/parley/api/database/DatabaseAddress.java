package dev.parley.api.database;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

/**
 * Where the database is, as JDBC wants it. The password is apart from the URL, as URLs end up in messages.
 *
 * @param jdbcUrl without user and password
 */
record DatabaseAddress(String jdbcUrl, String user, String password) {
    /** @param url {@code postgresql://user:password@host:port/database?driver=options} */
    static DatabaseAddress of(URI url) {
        String[] login = url.getRawUserInfo() == null
                ? new String[0]
                : url.getRawUserInfo().split(":", 2);
        // stringtype: UUIDs and JSON travel as text and take the type of their column.
        // socketTimeout outlives the statement timeout, so that it only ends connections whose other end is gone.
        // logServerErrorDetail: what PostgreSQL says of a refused row quotes it, and a conversation is nothing for a
        // log.
        // Every statement is a look-up by key: planning it anew, or compiling it, costs more than running it.
        String options = "stringtype=unspecified&ApplicationName=parley-api&connectTimeout=5&socketTimeout=30"
                + "&tcpKeepAlive=true&logServerErrorDetail=false&options=-c%20statement_timeout=15000%20-c%20lock_timeout=10000"
                + "%20-c%20idle_in_transaction_session_timeout=60000"
                + "%20-c%20plan_cache_mode=force_generic_plan%20-c%20jit=off";
        return new DatabaseAddress(
                "jdbc:postgresql://%s:%d%s?%s%s"
                        .formatted(
                                url.getHost(),
                                url.getPort() < 0 ? 5432 : url.getPort(),
                                url.getRawPath(),
                                options,
                                url.getRawQuery() == null ? "" : "&" + url.getRawQuery()),
                login.length > 0 ? decoded(login[0]) : "parley",
                login.length > 1 ? decoded(login[1]) : "");
    }

    Properties login() {
        Properties login = new Properties();
        login.setProperty("user", user);
        login.setProperty("password", password);
        return login;
    }

    private static String decoded(String part) {
        // In a URL's authority a plus is a plus.
        return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return jdbcUrl.substring(0, jdbcUrl.indexOf('?'));
    }
}
