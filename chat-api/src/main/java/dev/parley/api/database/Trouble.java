package dev.parley.api.database;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Optional;
import java.util.Set;

/** What a database exception means; decided by SQLSTATE, as messages are for people and translated. */
enum Trouble {
    /** Away, restarting, overloaded or read-only after a failover. */
    UNAVAILABLE,
    /** Lost against another transaction; the same transaction may win when run again. */
    CONFLICT,
    /** A defect of this program or its schema. */
    DEFECT;

    private static final Set<String> AWAY = Set.of(
            "57P01", // admin_shutdown
            "57P02", // crash_shutdown
            "57P03", // cannot_connect_now
            "57014", // query_canceled: the statement timeout
            "55P03", // lock_not_available: the lock timeout
            "53300", // too_many_connections
            "25006", // read_only_sql_transaction: a standby
            "25P03"); // idle_in_transaction_session_timeout
    private static final Set<String> LOST = Set.of("40001", "40P01");

    static Trouble of(Throwable failure) {
        return cause(failure)
                .map(sql -> {
                    String state = sql.getSQLState() == null ? "" : sql.getSQLState();
                    if (sql instanceof SQLTransientConnectionException
                            || state.startsWith("08")
                            || AWAY.contains(state)) {
                        return UNAVAILABLE;
                    }
                    return LOST.contains(state) ? CONFLICT : DEFECT;
                })
                .orElse(DEFECT);
    }

    /** The outermost SQL exception in the chain of causes. */
    static Optional<SQLException> cause(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof SQLException sql) {
                return Optional.of(sql);
            }
        }
        return Optional.empty();
    }
}
