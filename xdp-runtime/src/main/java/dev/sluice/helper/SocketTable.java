package dev.sluice.helper;

import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sockets that programs can look up, in the form that {@code ss -tuna} prints, with or without its title:
 *
 * <pre>
 * tcp   LISTEN 0      128          0.0.0.0:80        0.0.0.0:*
 * tcp   ESTAB  0      0      192.168.0.5:22     192.168.0.9:51000
 * udp   UNCONN 0      0               [::]:53           [::]:*
 * </pre>
 *
 * <p>Each is a read-only {@code struct bpf_sock} in native memory, which lives as long as the table is reachable: 0
 * bound_dev_if, 4 family, 8 type, 12 protocol, 16 mark, 20 priority, 24 src_ip4, 28 src_ip6, 44 src_port (host order), 48
 * dst_port (network order), 52 dst_ip4, 56 dst_ip6, 72 state, 76 rx_queue_mapping. Immutable; any thread; look-ups
 * allocate nothing.
 */
public final class SocketTable {
    static final int TCP = 6;
    static final int UDP = 17;
    static final int LISTEN = 10;
    private static final int TIME_WAIT = 6;
    private static final int CLOSE = 7;

    private static final int SOCK_BYTES = 80;
    private static final int STATE = 72;
    private static final Map<String, Integer> STATES = Map.ofEntries(
            Map.entry("ESTAB", 1),
            Map.entry("SYN-SENT", 2),
            Map.entry("SYN-RECV", 3),
            Map.entry("FIN-WAIT-1", 4),
            Map.entry("FIN-WAIT-2", 5),
            Map.entry("TIME-WAIT", TIME_WAIT),
            Map.entry("UNCONN", CLOSE),
            Map.entry("CLOSE-WAIT", 8),
            Map.entry("LAST-ACK", 9),
            Map.entry("LISTEN", LISTEN),
            Map.entry("CLOSING", 11));

    /** None. */
    public static final SocketTable NONE = parse("");

    /**
     * A socket.
     *
     * @param local null for any address of its family; IPv6 sockets with any address take IPv4 too
     * @param remotePort 0 when it is not connected
     */
    private record Socket(
            int protocol,
            int state,
            boolean ipv6,
            @Nullable Address local,
            int localPort,
            @Nullable Address remote,
            int remotePort) {}

    private final Arena arena = Arena.ofAuto();
    private final Socket[] sockets;
    private final long memory;

    private SocketTable(List<Socket> list) {
        sockets = list.toArray(Socket[]::new);
        memory = Memory.allocate(arena, (long) sockets.length * SOCK_BYTES, 64);
        for (int i = 0; i < sockets.length; i++) {
            write(memory + (long) i * SOCK_BYTES, sockets[i]);
        }
    }

    private static void write(long at, Socket socket) {
        Memory.putInt(at + 4, socket.ipv6 ? 10 : 2);
        Memory.putInt(at + 8, socket.protocol == TCP ? 1 : 2);
        Memory.putInt(at + 12, socket.protocol);
        writeAddress(at + 24, socket.local);
        Memory.putInt(at + 44, socket.localPort);
        Memory.putShort(at + 48, Short.reverseBytes((short) socket.remotePort));
        writeAddress(at + 52, socket.remote);
        Memory.putInt(at + STATE, socket.state);
        Memory.putInt(at + 76, -1);
    }

    private static void writeAddress(long at, @Nullable Address address) {
        if (address != null && address.ipv6()) {
            Memory.putLong(at + 4, Long.reverseBytes(address.high()));
            Memory.putLong(at + 12, Long.reverseBytes(address.low()));
        } else if (address != null) {
            Memory.putInt(at, (int) Long.reverseBytes(address.high()));
        }
    }

    /**
     * Reads what {@code ss -tuna} prints.
     *
     * @throws NetworkException naming the first line that it cannot read
     */
    public static SocketTable parse(String text) {
        List<Socket> sockets = new ArrayList<>();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            String[] words = line.strip().split("\\s+", -1);
            if (line.isBlank() || words[0].startsWith("#") || words[0].equals("Netid")) {
                continue;
            }
            Integer state = words.length < 6 ? null : STATES.get(words[1]);
            if (state == null || !words[0].equals("tcp") && !words[0].equals("udp")) {
                throw new NetworkException(
                        "sockets", number, "expected 'tcp|udp STATE RECV SEND LOCAL:PORT REMOTE:PORT', found " + line);
            }
            int localColon = words[4].lastIndexOf(':');
            int remoteColon = words[5].lastIndexOf(':');
            int localPort = port(words[4], localColon, number);
            int remotePort = port(words[5], remoteColon, number);
            String local = host(words[4], localColon);
            boolean ipv6 = local.indexOf(':') >= 0 || local.equals("*");
            sockets.add(new Socket(
                    words[0].equals("tcp") ? TCP : UDP,
                    state,
                    ipv6,
                    address(local, number),
                    localPort,
                    remotePort == 0 ? null : address(host(words[5], remoteColon), number),
                    remotePort));
        }
        return new SocketTable(sockets);
    }

    private static String host(String text, int colon) {
        return text.substring(0, colon).replaceAll("[\\[\\]]|%.*", "");
    }

    private static int port(String text, int colon, int line) {
        String port = text.substring(colon + 1);
        if (colon > 0 && port.equals("*")) {
            return 0;
        }
        if (colon <= 0 || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 0xffff) {
            throw new NetworkException("sockets", line, "expected ADDRESS:PORT, found " + text);
        }
        return Integer.parseInt(port);
    }

    private static @Nullable Address address(String text, int line) {
        if (text.equals("*")) {
            return null;
        }
        Address address = Address.parse(text);
        if (address == null) {
            throw new NetworkException("sockets", line, "expected an address, found " + text);
        }
        return address.high() == 0 && address.low() == 0 ? null : address;
    }

    /**
     * Finds the socket that gets a packet: one that is connected to its sender, else the one whose address fits best.
     *
     * @return its address, or 0
     */
    long find(
            int protocol,
            boolean ipv6,
            long remoteHigh,
            long remoteLow,
            int remotePort,
            long localHigh,
            long localLow,
            int localPort,
            boolean onlyFull) {
        long found = 0;
        int best = 0;
        for (int i = 0; i < sockets.length; i++) {
            Socket socket = sockets[i];
            if (socket.protocol != protocol || socket.localPort != localPort) {
                continue;
            }
            int score = 1;
            if (socket.local != null) {
                if (socket.local.ipv6() != ipv6 || socket.local.high() != localHigh || socket.local.low() != localLow) {
                    continue;
                }
                score += 2;
            } else if (socket.ipv6 != ipv6 && !socket.ipv6) {
                continue;
            }
            score += socket.ipv6 == ipv6 ? 1 : 0;
            if (socket.remotePort != 0) {
                Address remote = socket.remote;
                if (socket.remotePort != remotePort
                        || remote == null
                        || remote.ipv6() != ipv6
                        || remote.high() != remoteHigh
                        || remote.low() != remoteLow) {
                    continue;
                }
                score += 4;
            } else if (protocol == TCP && socket.state != LISTEN) {
                continue;
            }
            if (score > best && !(onlyFull && socket.state == TIME_WAIT)) {
                best = score;
                found = memory + (long) i * SOCK_BYTES;
            }
        }
        return found;
    }

    /** Whether an address is a socket's. */
    public boolean isSocket(long address) {
        return address >= memory
                && address < memory + (long) sockets.length * SOCK_BYTES
                && (address - memory) % SOCK_BYTES == 0;
    }

    /** Whether bytes are a part of the sockets' memory. */
    public boolean contains(long address, long bytes) {
        return address >= memory && address <= memory + (long) sockets.length * SOCK_BYTES - bytes;
    }
}
