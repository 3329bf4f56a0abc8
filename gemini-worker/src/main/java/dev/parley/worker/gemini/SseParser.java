package dev.parley.worker.gemini;

import java.io.ByteArrayOutputStream;
import java.util.function.Consumer;

/**
 * Takes a stream of bytes, cut anywhere, apart into the data of server-sent events (WHATWG HTML, "Parsing an event
 * stream"). Works on bytes, so a character split between two reads needs no care: UTF-8's later bytes are never an ASCII
 * CR, LF or colon. One thread.
 */
final class SseParser {
    private static final byte[] BOM = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};
    private static final byte[] DATA = {'d', 'a', 't', 'a'};

    private final int maxBytes;
    private final Consumer<byte[]> onEvent;
    private final Growing line = new Growing();
    private final Growing data = new Growing();
    private boolean hasData;
    private boolean afterCr;
    private boolean firstLine = true;

    /** @param maxBytes of one line, and of the data of one event */
    SseParser(int maxBytes, Consumer<byte[]> onEvent) {
        this.maxBytes = maxBytes;
        this.onEvent = onEvent;
    }

    /** @return false when a line or an event is larger than allowed: nothing more can be read */
    boolean feed(byte[] bytes, int length) {
        int start = 0;
        for (int i = 0; i < length; i++) {
            byte b = bytes[i];
            if (b != '\n' && b != '\r') {
                afterCr = false;
                continue;
            }
            if (b == '\n' && afterCr) {
                // The second half of a CRLF whose line the CR ended.
                afterCr = false;
                start = i + 1;
                continue;
            }
            afterCr = b == '\r';
            line.write(bytes, start, i - start);
            start = i + 1;
            if (!endOfLine()) {
                return false;
            }
        }
        line.write(bytes, start, length - start);
        return line.size() <= maxBytes;
    }

    /**
     * The stream ended. An event whose lines are whole and only its blank line is missing counts, other than in the
     * specification: its JSON tells by itself whether it is whole, and a lost finish reason would be paid for again.
     */
    void end() {
        if (line.size() == 0) {
            dispatch();
        }
    }

    private boolean endOfLine() {
        if (line.size() > maxBytes) {
            return false;
        }
        int from = 0;
        if (firstLine) {
            firstLine = false;
            from = line.startsWith(BOM, 0) ? BOM.length : 0;
        }
        if (line.size() == from) {
            dispatch();
        } else if (line.startsWith(DATA, from)) {
            int at = from + DATA.length;
            if (at == line.size()) {
                addData(at);
            } else if (line.at(at) == ':') {
                at++;
                addData(at < line.size() && line.at(at) == ' ' ? at + 1 : at);
            }
        }
        // Comments, event names, ids and retry times say nothing here.
        line.reset();
        return data.size() <= maxBytes;
    }

    private void addData(int from) {
        if (hasData) {
            data.write('\n');
        }
        hasData = true;
        line.copyTo(data, from);
    }

    private void dispatch() {
        if (hasData) {
            byte[] event = data.toByteArray();
            data.reset();
            hasData = false;
            onEvent.accept(event);
        }
    }

    private static final class Growing extends ByteArrayOutputStream {
        boolean startsWith(byte[] prefix, int from) {
            if (count - from < prefix.length) {
                return false;
            }
            for (int i = 0; i < prefix.length; i++) {
                if (buf[from + i] != prefix[i]) {
                    return false;
                }
            }
            return true;
        }

        byte at(int index) {
            return buf[index];
        }

        void copyTo(Growing other, int from) {
            other.write(buf, from, count - from);
        }
    }
}
