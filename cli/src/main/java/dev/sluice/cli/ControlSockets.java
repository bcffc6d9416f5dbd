package dev.sluice.cli;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Where running processes listen unless they are told otherwise: {@code PID.sock} in a folder of their user's own, {@code
 * /run/sluice} of root, {@code /run/user/UID/sluice} of others, or {@code /tmp/sluice-UID} where there is no such place.
 * {@code $SLUICE_RUN_DIR} is another one.
 */
final class ControlSockets {
    private static final Set<PosixFilePermission> OURS = PosixFilePermissions.fromString("rwx------");
    private static final String SUFFIX = ".sock";

    private ControlSockets() {}

    /** The folders to look at, the best one first. */
    static List<Path> folders() throws IOException {
        String given = System.getenv("SLUICE_RUN_DIR");
        if (given != null && !given.isEmpty()) {
            return List.of(Path.of(given));
        }
        int uid = uid();
        Path run = uid == 0 ? Path.of("/run") : Path.of("/run/user/" + uid);
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"), "sluice-" + uid);
        return Files.isWritable(run) ? List.of(run.resolve("sluice"), temporary) : List.of(temporary);
    }

    /** The user that this process runs as. */
    static int uid() throws IOException {
        return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    }

    /** A folder that only this user can enter. */
    private static Path folder() throws IOException {
        Path folder = folders().getFirst();
        try {
            Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OURS));
        } catch (FileAlreadyExistsException e) {
            boolean ours = Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
                    && (int) Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS) == uid();
            if (!ours) {
                throw new IOException(folder + ": is not a folder of this user's");
            }
            Files.setPosixFilePermissions(folder, OURS);
        }
        return folder;
    }

    /** A path for this process that nobody listens at. */
    static Path fresh() throws IOException {
        Path folder = folder();
        long pid = ProcessHandle.current().pid();
        for (int n = 1; ; n++) {
            Path path = folder.resolve(pid + (n == 1 ? "" : "-" + n) + SUFFIX);
            if (!isAnswered(path)) {
                Files.deleteIfExists(path); // of a process of this number that was killed
                return path;
            }
        }
    }

    /** Whether somebody listens. */
    static boolean isAnswered(Path path) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return channel.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            return false;
        }
    }

    /** The sockets at which processes of this user listen; what killed ones have left behind is removed. */
    static List<Path> running() throws IOException {
        List<Path> found = new ArrayList<>();
        for (Path folder : folders()) {
            if (!Files.isDirectory(folder)) {
                continue;
            }
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + SUFFIX)) {
                for (Path file : files) {
                    if (isAnswered(file)) {
                        found.add(file);
                    } else {
                        Files.deleteIfExists(file);
                    }
                }
            }
        }
        found.sort(null);
        return found;
    }
}
