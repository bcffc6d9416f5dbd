package dev.sluice.packet.pcap;

/**
 * Link types: what a packet's first byte is the first byte of. Numbers and names are those of the registry that pcap and
 * pcapng share (draft-ietf-opsawg-pcaplinktype); some BSDs' own numbers for the same types are folded into them.
 */
public final class LinkType {
    public static final int NULL = 0;
    public static final int ETHERNET = 1;
    public static final int RAW = 101;
    public static final int LINUX_SLL = 113;
    public static final int LINUX_SLL2 = 276;

    private LinkType() {}

    /** The registry's number for what a file says: DLT_RAW is 12 or 14 in files of some BSDs. */
    static int of(int linkType) {
        return linkType == 12 || linkType == 14 ? RAW : linkType;
    }

    /** The registry's name without its prefix, such as {@code EN10MB} or {@code RAW}; {@code unknown} for other numbers. */
    public static String name(int linkType) {
        return text(linkType).substring(0, text(linkType).indexOf(':'));
    }

    /** What such packets are, in words. */
    public static String description(int linkType) {
        return text(linkType).substring(text(linkType).indexOf(':') + 1);
    }

    /** Why packets of this type cannot be given to an XDP program, and what to do. */
    static String notEthernet(int linkType) {
        String advice = switch (linkType) {
            case LINUX_SLL, LINUX_SLL2 ->
                "; capture on one Ethernet interface (-i eth0) instead of on all of them (-i any)";
            case RAW, 228, 229 -> "; capture on the Ethernet interface instead of on the tunnel";
            default -> "";
        };
        return "link type is " + description(linkType) + " (DLT_" + name(linkType) + " = " + linkType
                + "), expected Ethernet (DLT_EN10MB = 1): an XDP program sees Ethernet frames" + advice;
    }

    private static String text(int linkType) {
        return switch (linkType) {
            case 0 -> "NULL:BSD loopback";
            case 1 -> "EN10MB:Ethernet";
            case 3 -> "AX25:AX.25 amateur radio";
            case 6 -> "IEEE802:Token Ring";
            case 7 -> "ARCNET:ARCNET";
            case 8 -> "SLIP:SLIP";
            case 9 -> "PPP:PPP";
            case 10 -> "FDDI:FDDI";
            case 50 -> "PPP_SERIAL:PPP in HDLC-like framing";
            case 51 -> "PPP_ETHER:PPP over Ethernet";
            case 100 -> "ATM_RFC1483:ATM with LLC";
            case 101 -> "RAW:raw IP";
            case 104 -> "C_HDLC:Cisco HDLC";
            case 105 -> "IEEE802_11:802.11 wireless";
            case 107 -> "FRELAY:frame relay";
            case 108 -> "LOOP:OpenBSD loopback";
            case 113 -> "LINUX_SLL:Linux cooked capture";
            case 114 -> "LTALK:LocalTalk";
            case 117 -> "PFLOG:OpenBSD packet filter log";
            case 119 -> "PRISM_HEADER:802.11 with Prism header";
            case 122 -> "IP_OVER_FC:IP over Fibre Channel";
            case 127 -> "IEEE802_11_RADIO:802.11 with radiotap header";
            case 143 -> "DOCSIS:DOCSIS";
            case 144 -> "LINUX_IRDA:Linux IrDA";
            case 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162 ->
                "USER" + (linkType - 147) + ":private use " + (linkType - 147);
            case 163 -> "IEEE802_11_RADIO_AVS:802.11 with AVS header";
            case 166 -> "PPP_PPPD:PPP as pppd logs it";
            case 187 -> "BLUETOOTH_HCI_H4:Bluetooth HCI";
            case 189 -> "USB_LINUX:Linux USB";
            case 192 -> "PPI:per-packet information";
            case 195 -> "IEEE802_15_4_WITHFCS:IEEE 802.15.4";
            case 197 -> "ERF:Endace ERF";
            case 201 -> "BLUETOOTH_HCI_H4_WITH_PHDR:Bluetooth HCI with direction";
            case 209 -> "IPMB_LINUX:IPMB";
            case 220 -> "USB_LINUX_MMAPPED:Linux USB";
            case 227 -> "CAN_SOCKETCAN:CAN bus";
            case 228 -> "IPV4:raw IPv4";
            case 229 -> "IPV6:raw IPv6";
            case 230 -> "IEEE802_15_4_NOFCS:IEEE 802.15.4";
            case 231 -> "DBUS:D-Bus";
            case 239 -> "NFLOG:Linux netfilter log";
            case 249 -> "USBPCAP:USB of Windows";
            case 251 -> "BLUETOOTH_LE_LL:Bluetooth low energy";
            case 252 -> "WIRESHARK_UPPER_PDU:Wireshark upper-layer data";
            case 253 -> "NETLINK:Linux netlink";
            case 258 -> "PKTAP:Apple PKTAP";
            case 271 -> "VSOCK:Linux vsock";
            case 274 -> "ETHERNET_MPACKET:Ethernet mPackets";
            case 276 -> "LINUX_SLL2:Linux cooked capture, version 2";
            default -> "unknown:an unknown type";
        };
    }
}
