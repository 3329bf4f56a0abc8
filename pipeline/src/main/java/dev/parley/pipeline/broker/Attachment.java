package dev.parley.pipeline.broker;

import com.rabbitmq.client.Connection;
import java.io.IOException;

/** Something that lives on a connection and moves to the next one when that breaks. */
interface Attachment {
    /** Opens its channel on a fresh connection; called again after each loss, never concurrently. */
    void attach(Connection connection) throws IOException;

    /** Whether it has an open channel. */
    boolean attached();

    /** Called about once a second, connected or not, for what has become too old. Must not block. */
    default void tend() {}
}
