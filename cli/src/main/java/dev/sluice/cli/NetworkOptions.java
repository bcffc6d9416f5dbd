package dev.sluice.cli;

import dev.sluice.XdpRuntime;
import dev.sluice.helper.NetworkException;
import dev.sluice.helper.SocketTable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What programs see of the network behind the packets. */
final class NetworkOptions {
    @Option(
            names = "--routes",
            paramLabel = "FILE",
            description = "Interfaces, routes and neighbours that bpf_fib_lookup and bpf_check_mtu see, as JSON: "
                    + "{\"links\": …, \"routes\": …, \"neighbours\": …}, each what ip addr, ip route or ip neigh prints, "
                    + "as text, as lines, or as their -j option has it (default: none).")
    private @Nullable Path routes;

    @Option(
            names = "--sockets",
            paramLabel = "FILE",
            description = "Sockets that bpf_sk_lookup_tcp and the like find, as ss -tuna prints them (default: none).")
    private @Nullable Path sockets;

    @Option(
            names = "--conntrack",
            paramLabel = "FILE",
            description =
                    "Connections that bpf_xdp_ct_lookup finds, as conntrack -L or /proc/net/nf_conntrack prints them "
                            + "(default: none; programs may add some).")
    private @Nullable Path conntrack;

    @Option(
            names = "--xdpmeta-dev",
            description =
                    "Load programs for the device whose packets they get, as bpftool's xdpmeta_dev does: only such "
                            + "programs may call bpf_xdp_metadata_rx_timestamp and the like.")
    private boolean deviceBound;

    /** Tells a runtime what was given. */
    void apply(XdpRuntime runtime) {
        if (routes != null) {
            read(routes, file -> RouteFile.read(file).apply(runtime.network()));
        }
        runtime.setDeviceBound(deviceBound);
        if (conntrack != null) {
            read(conntrack, file -> runtime.network().connections().parse(Files.readString(file)));
        }
        if (sockets != null) {
            read(sockets, file -> runtime.network().set(SocketTable.parse(Files.readString(file))));
        }
    }

    private interface Reader {
        void read(Path file) throws IOException;
    }

    private static void read(Path file, Reader reader) {
        try {
            reader.read(file);
        } catch (NoSuchFileException | FileNotFoundException e) {
            throw new CommandFailure(file + ": no such file");
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be read: " + ObjectOptions.reason(e));
        } catch (NetworkException | IllegalArgumentException e) {
            throw new CommandFailure(file + ": " + e.getMessage());
        }
    }
}
