package dev.sluice.verifier;

/** What a register holds. */
enum RegType {
    NOT_INIT("?"),
    SCALAR("scalar"),
    CTX("ctx"),
    CONST_MAP_PTR("map_ptr"),
    MAP_VALUE("map_value"),
    MAP_KEY("map_key"),
    STACK("fp"),
    PACKET_META("pkt_meta"),
    PACKET("pkt"),
    PACKET_END("pkt_end"),
    SOCKET("sock"),
    SOCK_COMMON("sock_common"),
    TCP_SOCK("tcp_sock"),
    MEM("mem"),
    FUNC("func"),
    XDP_SOCK("xdp_sock"),
    /** A dynptr that the kernel keeps. */
    DYNPTR("dynptr_ptr"),
    /** A structure of the kernel. */
    OBJECT("ptr_");

    private final String text;

    RegType(String text) {
        this.text = text;
    }

    /** As the kernel's log says it. */
    String text() {
        return text;
    }

    boolean isPacket() {
        return this == PACKET || this == PACKET_META;
    }

    boolean isAnyPacket() {
        return this == PACKET || this == PACKET_META || this == PACKET_END;
    }

    boolean isSocket() {
        return this == SOCKET || this == SOCK_COMMON || this == TCP_SOCK || this == XDP_SOCK;
    }
}
