/*
 * A learning bridge with VLANs: sources are learned with the port that they
 * came from, unicast goes out of the port of its destination, the rest is
 * flooded over a device map. Ports have a default VLAN, a set of allowed ones
 * and a state; a MAC that moves too often is held.
 */
#include "app.h"

#define MAX_PORTS 8
#define HOLD_MOVES 5

struct port {
	__u16 pvid;
	__u8 forwarding;
	__u8 learning;
	__u32 index; /* in the device map */
	__u64 vlans; /* a bit each, of the first 64 */
};

struct station {
	__u16 vlan;
	__u8 mac[6];
};

struct entry {
	__u32 port;
	__u32 moves;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32); /* ifindex */
	__type(value, struct port);
	__uint(max_entries, MAX_PORTS);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct station);
	__type(value, struct entry);
	__uint(max_entries, 1024);
} stations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, MAX_PORTS);
} devices SEC(".maps");

enum event { EV_LEARNED, EV_MOVED, EV_HELD, EV_UNICAST, EV_FLOODED, EV_SAME_PORT, EV_VLAN, EV_NO_PORT, EV_CONTROL, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline int is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
}

static __noinline int learn(struct station *from, __u32 port)
{
	struct entry *known, fresh = { .port = port, .packets = 1 };

	if (!from)
		return 0;
	known = bpf_map_lookup_elem(&stations, from);
	if (!known) {
		bpf_map_update_elem(&stations, from, &fresh, BPF_ANY);
		count_in(&events, EV_LEARNED, 0);
		return 1;
	}
	known->packets++;
	if (known->port != port) {
		if (known->moves >= HOLD_MOVES) {
			count_in(&events, EV_HELD, 0);
			return 0;
		}
		known->moves++;
		known->port = port;
		count_in(&events, EV_MOVED, 0);
	}
	return 1;
}

SEC("xdp")
int l2_bridge(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 ifindex = ctx->ingress_ifindex;
	struct station from = {}, to = {};
	__u64 bytes = end - data;
	struct entry *entry;
	struct port *port;
	__u16 vlan;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)

	port = bpf_map_lookup_elem(&ports, &ifindex);
	if (!port || !port->forwarding) {
		count_in(&events, EV_NO_PORT, bytes);
		return XDP_DROP;
	}
	/* 01-80-c2-00-00-0x: for the bridge itself */
	if (eth->dst[0] == 1 && eth->dst[1] == 0x80 && eth->dst[2] == 0xc2 && !eth->dst[3] && !eth->dst[4]) {
		count_in(&events, EV_CONTROL, bytes);
		return XDP_PASS;
	}
	vlan = port->pvid;
	if (eth->proto == bpf_htons(ETH_P_8021Q)) {
		HEADER_OR_RETURN(struct vlan_hdr, tag, eth + 1, end, XDP_DROP)

		if (bpf_ntohs(tag->tci) & 0xfff)
			vlan = bpf_ntohs(tag->tci) & 0xfff;
	}
	if (vlan >= 64 ? vlan != port->pvid : !(port->vlans >> vlan & 1)) {
		count_in(&events, EV_VLAN, bytes);
		return XDP_DROP;
	}
	from.vlan = vlan;
	__builtin_memcpy(from.mac, eth->src, 6);
	to.vlan = vlan;
	__builtin_memcpy(to.mac, eth->dst, 6);
	if (port->learning && !is_multicast(from.mac) && !learn(&from, port->index))
		return XDP_DROP;
	if (!is_multicast(to.mac)) {
		entry = bpf_map_lookup_elem(&stations, &to);
		if (entry) {
			if (entry->port == port->index) {
				count_in(&events, EV_SAME_PORT, bytes);
				return XDP_DROP;
			}
			count_in(&events, EV_UNICAST, bytes);
			return bpf_redirect_map(&devices, entry->port, XDP_PASS);
		}
	}
	count_in(&events, EV_FLOODED, bytes);
	return bpf_redirect_map(&devices, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

char LICENSE[] SEC("license") = "GPL";
