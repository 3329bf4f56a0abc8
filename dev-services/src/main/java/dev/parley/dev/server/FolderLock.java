package dev.parley.dev.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Keeps two runs from using one server's folder. The kernel lets go of it when its holder dies, however it dies. */
final class FolderLock implements AutoCloseable {
    /**
     * The folders held by this program. A second channel to a locked file must not even be opened here: closing it would let go of the
     * first one's lock, as POSIX has it.
     */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final FileChannel channel;

    private FolderLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /** Takes the folder, which it creates when it is missing. */
    static FolderLock take(Path wanted) {
        try {
            Path folder = Files.createDirectories(wanted).toRealPath();
            if (!HELD.add(folder)) {
                throw new ServerException(folder + " is already in use by this program.");
            }
            FileChannel channel = null;
            try {
                channel = FileChannel.open(
                        folder.resolve("lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
                if (channel.tryLock() == null) {
                    throw new ServerException(folder + " is in use by another run (process " + read(channel)
                            + "): stop that one, or choose another folder with PARLEY_DATA.");
                }
                channel.truncate(0);
                channel.write(ByteBuffer.wrap(
                        Long.toString(ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)));
                return new FolderLock(folder, channel);
            } catch (IOException | RuntimeException e) {
                HELD.remove(folder);
                if (channel != null) {
                    channel.close();
                }
                throw e;
            }
        } catch (IOException e) {
            throw new ServerException(
                    "The folder " + wanted + " cannot be used (" + e + "): choose another one with PARLEY_DATA.", e);
        }
    }

    private static String read(FileChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(20);
        channel.read(buffer, 0);
        String text = StandardCharsets.US_ASCII.decode(buffer.flip()).toString().strip();
        return text.isEmpty() ? "unknown" : text;
    }

    /** The folder's real path. */
    Path folder() {
        return folder;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new ServerException("The lock of " + folder + " could not be let go: " + e, e);
        } finally {
            HELD.remove(folder);
        }
    }
}
