package dev.sluice.btf;

import java.net.Inet4Address;
import java.net.Inet6Address;
import org.jspecify.annotations.Nullable;

/** Addresses as people write them. Stateless; never asks a name server. */
final class NetworkText {
    private static final int IPV4_BYTES = 4;
    private static final int IPV6_BYTES = 16;
    private static final int ETHERNET_BYTES = 6;

    private NetworkText() {}

    /**
     * The bytes of an address in network order.
     *
     * @param length bytes that are wanted: 4 for IPv4, 6 for Ethernet, 16 for IPv6
     * @return null for any other text, or another length
     */
    static byte @Nullable [] parse(String text, long length) {
        try {
            if (length == IPV4_BYTES && text.matches("\\d{1,3}(\\.\\d{1,3}){3}")) {
                return Inet4Address.ofLiteral(text).getAddress();
            }
            if (length == IPV6_BYTES && text.indexOf(':') >= 0 && text.indexOf('%') < 0) {
                // what is mapped from IPv4 comes back as 4 bytes
                byte[] address = Inet6Address.ofLiteral(text).getAddress();
                return address.length == IPV6_BYTES ? address : null;
            }
        } catch (IllegalArgumentException e) {
            return null;
        }
        if (length == ETHERNET_BYTES && text.matches("[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}")) {
            String[] parts = text.split(":", -1);
            byte[] address = new byte[ETHERNET_BYTES];
            for (int i = 0; i < ETHERNET_BYTES; i++) {
                address[i] = (byte) Integer.parseInt(parts[i], 16);
            }
            return address;
        }
        return null;
    }
}
